//! A run of the module: bytes in, bytes out.

use std::fmt;

use wasmtime::{Memory, Store, TypedFunc, WasmParams};

use crate::failure::Failure;

type Answer = Result<Vec<u8>, Failure>;
/// A function that is called for what it leaves in the room.
type Function<P> = TypedFunc<P, i32>;

/// Declares the functions of the module and looks them up.
macro_rules! functions {
    ($($name:ident: $export:literal, $type:ty;)*) => {
        struct Functions {
            $($name: $type,)*
        }

        impl Functions {
            fn of(instance: &wasmtime::Instance, store: &mut Store<()>) -> wasmtime::Result<Self> {
                Ok(Self { $($name: instance.get_typed_func(&mut *store, $export)?,)* })
            }
        }
    };
}

functions! {
    input: "resonate_input", TypedFunc<u32, u32>;
    output: "resonate_output", TypedFunc<(), u32>;
    status: "resonate_status", TypedFunc<u32, u32>;
    panic: "resonate_panic", TypedFunc<(), u32>;
    panic_bytes: "resonate_panic_bytes", TypedFunc<(), u32>;
    open: "resonate_open", Function<()>;
    close: "resonate_close", Function<u32>;
    process: "resonate_process", Function<(u32, u64)>;
    rest: "resonate_rest", Function<(u32, u64)>;
    is_due: "resonate_is_due", Function<(u32, u64)>;
    tick: "resonate_tick", Function<(u32, u64)>;
    next_wakeup: "resonate_next_wakeup", Function<u32>;
    has_events: "resonate_has_events", Function<u32>;
    events: "resonate_events", Function<u32>;
    report: "resonate_report", Function<(u32, u64)>;
    mailboxes: "resonate_mailboxes", Function<()>;
    connected: "resonate_connected", Function<(u32, u64)>;
    snapshot: "resonate_snapshot", Function<u32>;
    restore: "resonate_restore", Function<(u32, u64)>;
    note_changes: "resonate_note_changes", Function<u32>;
    changes: "resonate_changes", Function<u32>;
    submit: "resonate_submit", Function<(u32, u64)>;
    supply: "resonate_supply", Function<u32>;
}

/// A run of the module, with any number of servers in it.
///
/// Every method is a call of the module; servers are the numbers that [`Self::open`] gives, instants milliseconds since the epoch.
pub struct Instance {
    store: Store<()>,
    memory: Memory,
    functions: Functions,
    trapped: Option<Failure>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("trapped", &self.trapped).finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn of(module: &wasmtime::Module) -> wasmtime::Result<Self> {
        let mut store = Store::new(module.engine(), ());
        let instance = wasmtime::Instance::new(&mut store, module, &[])?;
        let functions = Functions::of(&instance, &mut store)?;
        let memory = instance.get_memory(&mut store, "memory").ok_or_else(|| wasmtime::Error::msg("no memory"))?;
        Ok(Self { store, memory, functions, trapped: None })
    }

    /// The bytes of memory that it has taken; they are never given back.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.data_size(&self.store)
    }

    /// Leaves the argument of the next call.
    fn put(&mut self, input: &[u8]) -> Result<(), Failure> {
        let bytes = u32::try_from(input.len()).expect("an argument of less than 4 GiB");
        let at = self.room(bytes)?;
        self.memory.write(&mut self.store, at, input).map_err(|why| self.trap(&why.into()))
    }

    /// Asks for room without writing to it: where it is.
    ///
    /// # Errors
    /// When there is not so much memory.
    pub fn room(&mut self, bytes: u32) -> Result<usize, Failure> {
        self.call_for(self.functions.input.clone(), bytes).map(|at| at as usize)
    }

    #[expect(clippy::needless_pass_by_value, reason = "a copy, since the original is borrowed with the instance")]
    fn call_for<P: WasmParams>(&mut self, function: TypedFunc<P, u32>, params: P) -> Result<u32, Failure> {
        match &self.trapped {
            Some(trapped) => Err(trapped.clone()),
            None => function.call(&mut self.store, params).map_err(|why| self.trap(&why)),
        }
    }

    /// Calls a function and takes what it leaves.
    #[expect(clippy::needless_pass_by_value, reason = "a copy, since the original is borrowed with the instance")]
    fn call<P: WasmParams>(&mut self, function: Function<P>, params: P) -> Answer {
        if let Some(trapped) = &self.trapped {
            return Err(trapped.clone());
        }
        let bytes = function.call(&mut self.store, params).map_err(|why| self.trap(&why))?;
        let at = self.call_for(self.functions.output.clone(), ())?;
        let output = self.look(at, bytes.unsigned_abs());
        if bytes < 0 { Err(Failure::fault(&output)) } else { Ok(output) }
    }

    fn look(&self, at: u32, bytes: u32) -> Vec<u8> {
        let (at, bytes) = (at as usize, bytes as usize);
        self.memory.data(&self.store).get(at..at + bytes).expect("what the module points at is in its memory").to_vec()
    }

    /// What has happened to an instance that a call has ended.
    fn trap(&mut self, why: &wasmtime::Error) -> Failure {
        let said = self.panic().ok().filter(|said| !said.is_empty()).unwrap_or_else(|| format!("{why:#}"));
        self.trapped.insert(Failure::Trap { said }).clone()
    }

    fn panic(&mut self) -> wasmtime::Result<String> {
        let at = self.functions.panic.call(&mut self.store, ())?;
        let bytes = self.functions.panic_bytes.call(&mut self.store, ())?;
        Ok(String::from_utf8_lossy(&self.look(at, bytes)).into_owned())
    }

    /// `resonate_open`: the number of a new server.
    ///
    /// # Errors
    /// When the options do not fit.
    ///
    /// # Panics
    /// When the answer is no number.
    pub fn open(&mut self, options: &[u8]) -> Result<u32, Failure> {
        self.put(options)?;
        let number = self.call(self.functions.open.clone(), ())?;
        Ok(String::from_utf8_lossy(&number).parse().expect("the number of a server"))
    }

    /// `resonate_close`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn close(&mut self, server: u32) -> Result<(), Failure> {
        self.call(self.functions.close.clone(), server).map(nothing)
    }

    /// `resonate_process`: the answer to an envelope; [`Self::status`] has its status.
    ///
    /// # Errors
    /// When there is no such server or instant.
    pub fn process(&mut self, server: u32, envelope: &[u8], now: u64) -> Answer {
        self.put(envelope)?;
        self.call(self.functions.process.clone(), (server, now))
    }

    /// `resonate_rest`: the answer to a call of the 2023 API, whose head is JSON; [`Self::status`] has its status.
    ///
    /// # Errors
    /// When there is no such server or instant, or the head does not fit.
    pub fn rest(&mut self, server: u32, head: &[u8], body: &[u8], now: u64) -> Answer {
        self.put(&[head, b"\n", body].concat())?;
        self.call(self.functions.rest.clone(), (server, now))
    }

    /// `resonate_status`
    ///
    /// # Errors
    /// When the instance has trapped.
    pub fn status(&mut self, server: u32) -> Result<u32, Failure> {
        self.call_for(self.functions.status.clone(), server)
    }

    /// `resonate_is_due`
    ///
    /// # Errors
    /// When there is no such server or instant.
    pub fn is_due(&mut self, server: u32, now: u64) -> Result<bool, Failure> {
        self.call(self.functions.is_due.clone(), (server, now)).map(|text| truth(&text))
    }

    /// `resonate_tick`
    ///
    /// # Errors
    /// When there is no such server or instant.
    pub fn tick(&mut self, server: u32, now: u64) -> Result<(), Failure> {
        self.call(self.functions.tick.clone(), (server, now)).map(nothing)
    }

    /// `resonate_next_wakeup`
    ///
    /// # Errors
    /// When there is no such server.
    ///
    /// # Panics
    /// When the answer is no instant.
    pub fn next_wakeup(&mut self, server: u32) -> Result<Option<u64>, Failure> {
        let at = self.call(self.functions.next_wakeup.clone(), server)?;
        Ok(serde_json::from_slice(&at).expect("an instant or null"))
    }

    /// `resonate_has_events`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn has_events(&mut self, server: u32) -> Result<bool, Failure> {
        self.call(self.functions.has_events.clone(), server).map(|text| truth(&text))
    }

    /// `resonate_events`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn events(&mut self, server: u32) -> Answer {
        self.call(self.functions.events.clone(), server)
    }

    /// `resonate_report`
    ///
    /// # Errors
    /// When there is no such server or instant, or the report does not fit.
    pub fn report(&mut self, server: u32, report: &[u8], now: u64) -> Result<(), Failure> {
        self.put(report)?;
        self.call(self.functions.report.clone(), (server, now)).map(nothing)
    }

    /// `resonate_mailboxes`
    ///
    /// # Errors
    /// When the argument is not two texts.
    pub fn mailboxes(&mut self, of: &[u8]) -> Answer {
        self.put(of)?;
        self.call(self.functions.mailboxes.clone(), ())
    }

    /// `resonate_connected`
    ///
    /// # Errors
    /// When there is no such server or instant, or the argument does not fit.
    pub fn connected(&mut self, server: u32, connected: &[u8], now: u64) -> Result<(), Failure> {
        self.put(connected)?;
        self.call(self.functions.connected.clone(), (server, now)).map(nothing)
    }

    /// `resonate_snapshot`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn snapshot(&mut self, server: u32) -> Answer {
        self.call(self.functions.snapshot.clone(), server)
    }

    /// `resonate_restore`
    ///
    /// # Errors
    /// When there is no such server or instant, or the snapshot is none.
    pub fn restore(&mut self, server: u32, snapshot: &[u8], now: u64) -> Result<(), Failure> {
        self.put(snapshot)?;
        self.call(self.functions.restore.clone(), (server, now)).map(nothing)
    }

    /// `resonate_note_changes`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn note_changes(&mut self, server: u32) -> Result<(), Failure> {
        self.call(self.functions.note_changes.clone(), server).map(nothing)
    }

    /// `resonate_changes`
    ///
    /// # Errors
    /// When there is no such server.
    pub fn changes(&mut self, server: u32) -> Answer {
        self.call(self.functions.changes.clone(), server)
    }

    /// `resonate_submit`
    ///
    /// # Errors
    /// When there is no such server or instant, or the requests do not fit.
    pub fn submit(&mut self, server: u32, requests: &[u8], now: u64) -> Answer {
        self.put(requests)?;
        self.call(self.functions.submit.clone(), (server, now))
    }

    /// `resonate_supply`
    ///
    /// # Errors
    /// When there is no such server, no batch waits, or the answers do not fit.
    pub fn supply(&mut self, server: u32, answers: &[u8]) -> Answer {
        self.put(answers)?;
        self.call(self.functions.supply.clone(), server)
    }
}

fn truth(text: &[u8]) -> bool {
    match text {
        b"true" => true,
        b"false" => false,
        other => panic!("neither true nor false: {}", other.escape_ascii()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what a result is mapped by")]
fn nothing(output: Vec<u8>) {
    assert!(output.is_empty(), "a call that has nothing to say: {}", output.escape_ascii());
}
