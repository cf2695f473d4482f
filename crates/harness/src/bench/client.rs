//! A small HTTP/1.1 client that keeps its connection, and the requests an AWS SDK would send.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A head longer than this is not from our server.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// One connection to a server.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    out: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (out, buffer) = (Vec::new(), Vec::new());
        Ok(Connection {
            stream,
            address,
            out,
            buffer,
        })
    }

    /// Calls an operation and gives the body of its answer: one of Step Functions by its name
    /// alone, one of CloudWatch Logs with its target's prefix (`Logs_20140328.GetLogEvents`).
    ///
    /// # Errors
    /// A lost connection, or any other status than 200.
    pub(crate) async fn call(&mut self, operation: &str, body: &str) -> Result<&str> {
        self.write_request(operation, body);
        self.stream.write_all(&self.out).await?;
        let (status, body) = self.read_response().await?;
        let body = self.buffer.get(body).unwrap_or_default();
        let body = std::str::from_utf8(body).context("the answer is not UTF-8")?;
        if status != 200 {
            bail!("{operation} was answered {status}: {body}");
        }
        Ok(body)
    }

    fn write_request(&mut self, operation: &str, body: &str) {
        // The length and the headers of a signed request; `dev` verifies no signature.
        const SIGNATURE: &str = "f7c3bc1d808e04732adf679965ccc34ca7ae3441f7c3bc1d808e04732adf6799";
        let (prefix, operation, service, version) = match operation.split_once('.') {
            None => ("AWSStepFunctions", operation, "states", "1.0"),
            Some((prefix, operation)) => (prefix, operation, "logs", "1.1"),
        };
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/x-amz-json-{version}\r\n\
             X-Amz-Target: {prefix}.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
             User-Agent: lockstep-bench\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/{service}/\
             aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature={SIGNATURE}\r\nContent-Length: {length}\r\n\r\n",
            address = self.address,
            length = body.len(),
        );
        self.out.clear();
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(body.as_bytes());
    }

    /// Reads one response; gives its status and where its body stands in the buffer.
    async fn read_response(&mut self) -> Result<(u16, std::ops::Range<usize>)> {
        self.buffer.clear();
        let (status, body) = loop {
            self.read_more().await?;
            if let Some(head) = Head::read(&self.buffer)? {
                break (head.status, head.len..head.len + head.body_len);
            }
            ensure!(
                self.buffer.len() <= HEAD_BYTES_MAX,
                "the head of the answer has no end"
            );
        };
        while self.buffer.len() < body.end {
            self.read_more().await?;
        }
        ensure!(
            self.buffer.len() == body.end,
            "the answer is longer than it says"
        );
        Ok((status, body))
    }

    async fn read_more(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Bytes of the head, its empty line included.
    len: usize,
    body_len: usize,
}

impl Head {
    /// Reads a head; `None` if it is not there to its end.
    fn read(bytes: &[u8]) -> Result<Option<Head>> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else { return Ok(None) };
        let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let status = status.context("the answer has no status line")?.parse()?;
        let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| is_length(name));
        let (_, length) = length.context("the answer does not say how long it is")?;
        let body_len = length.trim().parse()?;
        Ok(Some(Head {
            status,
            len: end + 4,
            body_len,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_whole() {
        let check = |text: &str, expected| assert_eq!(Head::read(text.as_bytes()).ok(), expected);
        check("HTTP/1.1 200 OK\r\ncontent-", Some(None));
        let head = Head {
            status: 400,
            len: 48,
            body_len: 12,
        };
        let text = "HTTP/1.1 400 Bad Request\r\nContent-Length: 12\r\n\r\n{";
        check(text, Some(Some(head)));
        check("HTTP/1.1 200 OK\r\ndate: x\r\n\r\n", None);
        check("nonsense\r\n\r\n", None);
    }
}
