//! `resonate mcp`: a Model Context Protocol server on standard input and output, for assistants that work with promises.

use clap::{ArgMatches, Command};
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;

use super::session::{EXIT_CODES, Session, addressed};
use super::{Environment, Failure};
use crate::mcp::Promises;

const EXAMPLES: &str = r#"Example, the configuration of an assistant:
  {"mcpServers": {"resonate": {"command": "resonate", "args": ["mcp", "--server", "http://localhost:8001"]}}}

"#;

/// Describes it to clap.
pub(super) fn command() -> Command {
    let about = "Serve promises to assistants: a Model Context Protocol server on standard input and output";
    addressed(Command::new("mcp").about(about)).after_help(format!("{EXAMPLES}{EXIT_CODES}"))
}

/// Runs until standard input ends.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let Session { client, runtime, .. } = Session::open(matches, environment)?;
    let failed = |why: &dyn std::fmt::Display| Failure::Runtime(format!("the MCP session failed: {why}"));
    let served = runtime.block_on(async {
        let running = match Promises::of(client).serve(stdio()).await {
            Ok(running) => running,
            // Whoever hangs up before a word is said has changed their mind.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(why) => return Err(failed(&why)),
        };
        running.waiting().await.map(|_| ()).map_err(|why| failed(&why))
    });
    // A read of standard input cannot be called back, and must not hold the process.
    runtime.shutdown_background();
    served
}
