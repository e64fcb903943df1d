//! A wire carries, falls silent, refuses and is cut.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use resonate_postgres_cluster::Wire;

use super::{PATIENCE, eventually};

/// Long enough for what would pass.
const SILENCE: Duration = Duration::from_millis(50);

/// A port that says again what it hears.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut other = stream.try_clone().expect("a socket");
                let _ = std::io::copy(&mut stream, &mut other);
            });
        }
    });
    port
}

fn connect(wire: &Wire) -> TcpStream {
    TcpStream::connect(("127.0.0.1", wire.port())).expect("a wire that listens")
}

fn hears(mut stream: &TcpStream, patience: Duration) -> Result<u8, ErrorKind> {
    stream.set_read_timeout(Some(patience)).expect("an open socket");
    let mut byte = [0];
    match stream.read(&mut byte) {
        Ok(0) => Err(ErrorKind::UnexpectedEof),
        Ok(_) => Ok(byte[0]),
        Err(why) => Err(why.kind()),
    }
}

#[test]
fn what_was_held_arrives_when_the_wire_goes_on() {
    let wire = Wire::to(echo());
    let mut old = connect(&wire);
    old.write_all(b"a").expect("an open socket");
    assert_eq!(hears(&old, PATIENCE), Ok(b'a'));
    wire.hold();
    let mut new = connect(&wire);
    for (stream, byte) in [(&mut old, b"b"), (&mut new, b"c")] {
        stream.write_all(byte).expect("an open socket");
        assert_eq!(hears(stream, SILENCE), Err(ErrorKind::WouldBlock));
    }
    wire.go_on();
    assert_eq!((hears(&old, PATIENCE), hears(&new, PATIENCE)), (Ok(b'b'), Ok(b'c')));
    drop((old, new));
    eventually("both are forgotten", || wire.connections() == 0);
}

#[test]
fn a_wire_that_refuses_keeps_what_it_has_until_it_is_cut() {
    let wire = Wire::to(echo());
    let mut old = connect(&wire);
    eventually("it is taken", || wire.connections() == 1);
    wire.refuse();
    wire.refuse();
    // A process that another test is just starting holds the socket, too, until it runs.
    eventually("it refuses", || {
        let refused = TcpStream::connect(("127.0.0.1", wire.port()));
        refused.is_err_and(|why| why.kind() == ErrorKind::ConnectionRefused)
    });
    old.write_all(b"a").expect("an open socket");
    assert_eq!(hears(&old, PATIENCE), Ok(b'a'));
    wire.cut();
    assert!(matches!(hears(&old, PATIENCE), Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)));
    wire.go_on();
    let mut new = connect(&wire);
    new.write_all(b"b").expect("an open socket");
    assert_eq!(hears(&new, PATIENCE), Ok(b'b'));
}

#[test]
fn a_wire_can_be_cut_while_it_is_silent() {
    let wire = Wire::to(echo());
    wire.hold();
    let mut stream = connect(&wire);
    stream.write_all(b"a").expect("an open socket");
    eventually("it is taken", || wire.connections() == 1);
    wire.cut();
    assert!(matches!(hears(&stream, PATIENCE), Err(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)));
}
