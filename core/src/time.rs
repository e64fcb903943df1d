//! Instants and durations of the protocol. Owns their bounds and their arithmetic; knows no clock: "now" is always an argument.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// The largest instant and the largest duration, in milliseconds: 2^53-1, the largest integer that every JSON client holds exactly.
pub const MILLIS_MAX: u64 = (1 << 53) - 1;

/// An instant in milliseconds since the Unix epoch, never above [`MILLIS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "u64")]
pub struct Timestamp(u64);

/// A duration in milliseconds, never above [`MILLIS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "u64")]
pub struct Millis(u64);

/// A number of milliseconds above [`MILLIS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be an integer from 0 to {MILLIS_MAX}")
    }
}

impl std::error::Error for OutOfRange {}

macro_rules! millis {
    ($name:ident) => {
        impl $name {
            /// The smallest value.
            pub const ZERO: Self = Self(0);
            /// The largest value, [`MILLIS_MAX`].
            pub const MAX: Self = Self(MILLIS_MAX);

            /// Takes a number of milliseconds; anything above [`MILLIS_MAX`] becomes [`MILLIS_MAX`].
            #[must_use]
            pub const fn saturating(millis: u64) -> Self {
                Self(if millis > MILLIS_MAX { MILLIS_MAX } else { millis })
            }

            /// The number of milliseconds.
            #[must_use]
            pub const fn as_millis(self) -> u64 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = OutOfRange;

            fn try_from(millis: u64) -> Result<Self, OutOfRange> {
                if millis > MILLIS_MAX { Err(OutOfRange) } else { Ok(Self(millis)) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_u64(MillisVisitor).map(Self)
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

millis!(Timestamp);
millis!(Millis);

/// Reads a number of milliseconds, with an error that says what is accepted.
struct MillisVisitor;

impl Visitor<'_> for MillisVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer number of milliseconds from 0 to {MILLIS_MAX}")
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<u64, E> {
        if millis > MILLIS_MAX {
            return Err(E::invalid_value(de::Unexpected::Unsigned(millis), &self));
        }
        Ok(millis)
    }
}

impl Timestamp {
    /// The time from `earlier` to this instant, zero when `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }

    /// The instant one millisecond before this one; zero stays zero.
    #[must_use]
    pub const fn just_before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The protocol's `⊕`: the sum saturates at [`MILLIS_MAX`], so that nothing ever overflows into the past.
impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, duration: Millis) -> Self {
        Self::saturating(self.0 + duration.0)
    }
}

/// The difference saturates at zero.
impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Millis) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }
}

impl Millis {
    /// This duration times 2^`exponent`, saturating.
    #[must_use]
    pub const fn doubled(self, exponent: u32) -> Self {
        if exponent >= 53 {
            return if self.0 == 0 { Self(0) } else { Self::MAX };
        }
        Self::saturating(self.0.saturating_mul(1 << exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_doublings_saturate() {
        assert_eq!(Timestamp::MAX + Millis::saturating(1), Timestamp::MAX);
        assert_eq!(Millis::saturating(100).doubled(2), Millis::saturating(400));
        assert_eq!(Millis::saturating(100).doubled(60), Millis::MAX);
        assert_eq!(Millis::ZERO.doubled(60), Millis::ZERO);
        assert_eq!(Timestamp::try_from(MILLIS_MAX + 1), Err(OutOfRange));
    }
}
