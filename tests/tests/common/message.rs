//! One HTTP/1.1 message as bytes: enough to pass it on whole, or not whole.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

/// The bytes of a request or a reply.
#[derive(Debug)]
pub(crate) struct Message {
    /// First line and header fields, with the empty line.
    pub(crate) head: Vec<u8>,
    /// As on the wire, chunk marks included.
    pub(crate) body: Vec<u8>,
}

/// How a message without length ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmarked {
    /// It has no body: a request, or a reply to HEAD.
    Empty,
    /// Its body ends with the connection.
    UntilClosed,
}

impl Message {
    /// Reads one message; `None` when the other side closed before one began.
    pub(crate) async fn read<R: AsyncRead + Unpin>(
        from: &mut BufReader<R>,
        unmarked: Unmarked,
    ) -> io::Result<Option<Self>> {
        let mut head = Vec::new();
        loop {
            let start = head.len();
            if from.read_until(b'\n', &mut head).await? == 0 {
                return if head.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            if head[start..] == *b"\r\n" {
                break;
            }
        }
        let mut message = Self {
            head,
            body: Vec::new(),
        };
        message.read_body(from, unmarked).await?;
        Ok(Some(message))
    }

    async fn read_body<R: AsyncRead + Unpin>(
        &mut self,
        from: &mut BufReader<R>,
        unmarked: Unmarked,
    ) -> io::Result<()> {
        if unmarked == Unmarked::Empty && self.first_line().starts_with("HTTP/") {
            return Ok(());
        }
        if matches!(self.status(), Some(100..=199 | 204 | 304)) {
            return Ok(());
        }
        if self
            .field("transfer-encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            return self.read_chunks(from).await;
        }
        if let Some(length) = self.field("content-length") {
            let length = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            self.body = vec![0; length];
            from.read_exact(&mut self.body).await?;
        } else if unmarked == Unmarked::UntilClosed {
            from.read_to_end(&mut self.body).await?;
        }
        Ok(())
    }

    async fn read_chunks<R: AsyncRead + Unpin>(&mut self, from: &mut BufReader<R>) -> io::Result<()> {
        loop {
            let start = self.body.len();
            from.read_until(b'\n', &mut self.body).await?;
            let line = String::from_utf8_lossy(&self.body[start..]);
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
            let data = self.body.len();
            self.body.resize(data + size + 2, 0);
            from.read_exact(&mut self.body[data..]).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    pub(crate) fn first_line(&self) -> String {
        String::from_utf8_lossy(&self.head)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// The same request as a careless wire sends it again: without the id by which the service knows that it has done it
    /// already, and on whatever is there by then.
    pub(crate) fn as_new(&self) -> Self {
        let head = String::from_utf8_lossy(&self.head);
        let is_id = |line: &&str| line.to_ascii_lowercase().starts_with("repeatability-");
        let lines = head.split_inclusive("\r\n").filter(|line| !is_id(line));
        let bare = lines.map(|line| {
            if line.to_ascii_lowercase().starts_with("if-match:") {
                "if-match: *\r\n"
            } else {
                line
            }
        });
        Self {
            head: bare.collect::<String>().into_bytes(),
            body: self.body.clone(),
        }
    }

    /// The status, if this is a reply.
    pub(crate) fn status(&self) -> Option<u16> {
        let line = self.first_line();
        line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// A header field's value in lower case.
    fn field(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head);
        head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_ascii_lowercase())
        })
    }
}
