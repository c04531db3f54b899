//! Serves a data set until the process is ended: `cargo run -p driftless-server --example serve [ADDRESS [RECORDS]]`.

use driftless_server::{Server, ServerError, ServerOptions};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is what the example has to say")]
async fn main() -> Result<(), ServerError> {
    let mut arguments = std::env::args().skip(1);
    let mut options = ServerOptions::default();
    options.listen = arguments.next().unwrap_or(options.listen);
    options.seed_data = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .or(Some(20_000));
    let server = Server::open(options)?.bind().await?;
    println!("{}", server.url());
    server.run(std::future::pending()).await
}
