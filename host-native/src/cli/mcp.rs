//! `resonate mcp`: a Model Context Protocol server on standard input and output, for assistants that work with promises.

use clap::{ArgMatches, Command};
use rmcp::ServiceExt;
use rmcp::transport::stdio;

use super::session::{Session, asking};
use super::{Environment, Failure};
use crate::mcp::Promises;

const EXAMPLES: &str = r#"Example, the configuration of an assistant:
  {"mcpServers": {"resonate": {"command": "resonate", "args": ["mcp", "--server", "http://localhost:8001"]}}}

"#;

/// Describes it to clap.
pub(super) fn command() -> Command {
    let about = "Serve promises to assistants: a Model Context Protocol server on standard input and output";
    asking("mcp", about, EXAMPLES)
}

/// Runs until standard input ends.
pub(super) fn run(matches: &ArgMatches, environment: &Environment) -> Result<(), Failure> {
    let Session { client, runtime, .. } = Session::open(matches, environment)?;
    let failed = |why: &dyn std::fmt::Display| Failure::Runtime(format!("the MCP session failed: {why}"));
    let served = runtime.block_on(async {
        let running = Promises::of(client).serve(stdio()).await.map_err(|why| failed(&why))?;
        running.waiting().await.map_err(|why| failed(&why))
    });
    // A read of standard input cannot be called back, and must not hold the process.
    runtime.shutdown_background();
    served.map(|_| ())
}
