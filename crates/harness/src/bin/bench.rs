//! `make bench`: see [`harness::bench`].

use clap::Parser as _;

// The server's own allocator, so that what runs in this process costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    harness::bench::run(&harness::bench::Options::parse())
}
