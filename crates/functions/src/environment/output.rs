//! The pipe that carries both outputs of a process.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

use crate::logs::Log;

/// One read from the pipe.
const READ_BYTES: usize = 16 * 1024;
/// Reads in a row, so that a process that floods its log cannot hold off its own deadline.
const READS_MAX: usize = 64;

pub(super) struct Output {
    pipe: pipe::Receiver,
    /// Whether anyone still holds the other end.
    pub(super) open: bool,
    buffer: Box<[u8]>,
}

impl Output {
    pub(super) fn new(pipe: OwnedFd) -> io::Result<Output> {
        let buffer = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Output {
            pipe: pipe::Receiver::from_owned_fd(pipe)?,
            open: true,
            buffer,
        })
    }

    /// Waits for output and passes it on. Loses nothing when dropped while it waits.
    pub(super) async fn pump(&mut self, log: &mut Log) {
        if self.pipe.readable().await.is_err() {
            self.open = false;
            return;
        }
        self.read(log, |pipe, buffer| pipe.try_read(buffer));
    }

    /// Passes on what is there now. Asks the kernel, not the event loop: what a process wrote
    /// before it answered has to be in the log of that invocation.
    pub(super) fn drain(&mut self, log: &mut Log) {
        self.read(log, |pipe, buffer| Ok(nix::unistd::read(pipe, buffer)?));
    }

    fn read(
        &mut self,
        log: &mut Log,
        read: impl Fn(&pipe::Receiver, &mut [u8]) -> io::Result<usize>,
    ) {
        for _ in 0..READS_MAX {
            match read(&self.pipe, &mut self.buffer) {
                Ok(count) if count > 0 => log.output(self.buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.open = false;
                    return;
                }
            }
        }
    }
}
