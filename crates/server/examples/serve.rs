//! Serves a data set of 20,000 records until the process is ended: `cargo run -p driftless-server --example serve`.

use driftless_server::{Server, ServerError, ServerOptions};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is what the example has to say")]
async fn main() -> Result<(), ServerError> {
    let mut options = ServerOptions::default();
    options.seed_data = Some(20_000);
    options.listen = std::env::args().nth(1).unwrap_or(options.listen);
    let server = Server::open(options)?.bind().await?;
    println!("{}", server.url());
    server.run(std::future::pending()).await
}
