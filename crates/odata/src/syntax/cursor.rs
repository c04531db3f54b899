//! A reading position in a text, with percent-encoding undone character by character.

use super::error::{Parsed, SyntaxError, SyntaxErrorKind};

/// The deepest nesting that is read.
pub const MAX_DEPTH: u32 = 64;
/// The most parts (operands, segments, items) that one text may have.
pub const MAX_NODES: u32 = 20_000;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Part of a URL's path: percent-encoded, `/` and `?` in literals only encoded.
    Path,
    /// Part of a URL's query: percent-encoded.
    Query,
    /// Plain text as a person types it or a payload holds it: nothing is encoded.
    Text,
}

/// One character of the text, after decoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Char {
    pub(crate) value: char,
    pub(crate) len: usize,
    pub(crate) encoded: bool,
}

/// A reading position. Functions named `eat_…` move it only if they succeed.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    pub(crate) at: usize,
    pub(crate) form: Form,
    depth: u32,
    nodes: u32,
    links: u32,
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn encoded_byte(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', high, low, ..] => Some(hex(*high)? * 16 + hex(*low)?),
        _ => None,
    }
}

fn encoded_char(bytes: &[u8]) -> Option<Char> {
    let first = encoded_byte(bytes)?;
    let count = match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return None,
    };
    let mut buffer = [0u8; 4];
    for (index, slot) in buffer.iter_mut().take(count).enumerate() {
        *slot = encoded_byte(bytes.get(index * 3..)?)?;
    }
    let value = std::str::from_utf8(&buffer[..count]).ok()?.chars().next()?;
    Some(Char {
        value,
        len: count * 3,
        encoded: true,
    })
}

/// Whether a character may begin an identifier.
pub(crate) fn starts_name(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

/// Whether a character may stand inside an identifier.
pub(crate) fn continues_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, form: Form) -> Self {
        Self {
            text,
            at: 0,
            form,
            depth: 0,
            nodes: 0,
            links: 0,
        }
    }

    pub(crate) fn peek(&self) -> Option<Char> {
        let rest = self.text.get(self.at..)?;
        if self.form != Form::Text && rest.starts_with('%') {
            return encoded_char(rest.as_bytes());
        }
        rest.chars().next().map(|value| Char {
            value,
            len: value.len_utf8(),
            encoded: false,
        })
    }

    pub(crate) fn next(&mut self) -> Option<Char> {
        let c = self.peek()?;
        self.at += c.len;
        Some(c)
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn end(&self) -> Parsed<()> {
        if self.is_end() {
            Ok(())
        } else {
            self.expected("the end")
        }
    }

    pub(crate) fn error(&self, kind: SyntaxErrorKind) -> SyntaxError {
        SyntaxError { at: self.at, kind }
    }

    pub(crate) fn expected<T>(&self, what: &'static str) -> Parsed<T> {
        Err(self.error(SyntaxErrorKind::Expected(what)))
    }

    pub(crate) fn unsupported<T>(&self, what: &'static str) -> Parsed<T> {
        Err(self.error(SyntaxErrorKind::Unsupported(what)))
    }

    /// Counts one part of the text.
    pub(crate) fn node(&mut self) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            Err(self.error(SyntaxErrorKind::TooLarge))
        } else {
            Ok(())
        }
    }

    /// Counts one more operator in a chain such as `a add b add c`, which makes the tree one level deeper.
    pub(crate) fn link(&mut self) -> Parsed<()> {
        self.links += 1;
        if self.links > 2 * MAX_DEPTH {
            Err(self.error(SyntaxErrorKind::TooDeep))
        } else {
            Ok(())
        }
    }

    /// Runs a parser one level deeper.
    pub(crate) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.node()?;
        if self.depth >= MAX_DEPTH {
            return Err(self.error(SyntaxErrorKind::TooDeep));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Runs a parser and goes back if it fails for anything but a limit or a missing feature.
    pub(crate) fn attempt<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<Option<T>> {
        let start = self.at;
        match parse(self) {
            Ok(value) => Ok(Some(value)),
            Err(SyntaxError {
                kind: SyntaxErrorKind::Expected(_),
                ..
            }) => {
                self.at = start;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) fn sees(&self, c: char) -> bool {
        self.peek().is_some_and(|next| next.value == c)
    }

    /// Takes a character, encoded or not.
    pub(crate) fn eat(&mut self, c: char) -> bool {
        let next = self.peek().filter(|next| next.value == c);
        self.at += next.map_or(0, |next| next.len);
        next.is_some()
    }

    pub(crate) fn need(&mut self, c: char, what: &'static str) -> Parsed<()> {
        if self.eat(c) { Ok(()) } else { self.expected(what) }
    }

    /// Takes a character that may not be encoded (such as `=`).
    pub(crate) fn eat_plain(&mut self, c: char) -> bool {
        let next = self.peek().filter(|next| next.value == c && !next.encoded);
        self.at += next.map_or(0, |next| next.len);
        next.is_some()
    }

    pub(crate) fn need_plain(&mut self, c: char, what: &'static str) -> Parsed<()> {
        if self.eat_plain(c) {
            Ok(())
        } else {
            self.expected(what)
        }
    }

    /// Takes a word in any case.
    pub(crate) fn eat_any_case(&mut self, word: &str) -> bool {
        self.eat_word(word, |a, b| a.eq_ignore_ascii_case(&b))
    }

    /// Takes a word in exactly this case.
    pub(crate) fn eat_exact(&mut self, word: &str) -> bool {
        self.eat_word(word, |a, b| a == b)
    }

    fn eat_word(&mut self, word: &str, same: impl Fn(char, char) -> bool) -> bool {
        let start = self.at;
        for expected in word.chars() {
            if !self.next().is_some_and(|c| same(c.value, expected)) {
                self.at = start;
                return false;
            }
        }
        true
    }

    /// Takes a word that no identifier character follows.
    pub(crate) fn eat_keyword(&mut self, word: &str) -> bool {
        let start = self.at;
        if self.eat_any_case(word) && !self.sees_name_char() {
            return true;
        }
        self.at = start;
        false
    }

    pub(crate) fn sees_name_char(&self) -> bool {
        self.peek().is_some_and(|c| continues_name(c.value))
    }

    /// Skips white space and says whether there was any.
    pub(crate) fn space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(|c| matches!(c.value, ' ' | '\t')) {
            self.next();
        }
        self.at > start
    }

    pub(crate) fn need_space(&mut self) -> Parsed<()> {
        if self.space() {
            Ok(())
        } else {
            self.expected("a space")
        }
    }

    pub(crate) fn eat_digits(&mut self, into: &mut String, least: usize, most: usize) -> bool {
        let (start, length) = (self.at, into.len());
        while into.len() - length < most {
            match self.peek() {
                Some(c) if c.value.is_ascii_digit() => into.push(c.value),
                _ => break,
            }
            self.next();
        }
        if into.len() - length < least {
            self.at = start;
            into.truncate(length);
            return false;
        }
        true
    }

    /// Reads an identifier: a letter or underscore, then letters, digits or underscores, at most 128 characters.
    pub(crate) fn name(&mut self) -> Parsed<String> {
        if !self.peek().is_some_and(|c| starts_name(c.value)) {
            return self.expected("a name");
        }
        let mut name = String::new();
        let mut count = 0;
        while let Some(c) = self.peek().filter(|c| continues_name(c.value)) {
            count += 1;
            if count > 128 {
                return self.expected("a name of at most 128 characters");
            }
            name.push(c.value);
            self.next();
        }
        Ok(name)
    }

    /// Reads a name with any number of namespace parts before it.
    pub(crate) fn qualified_name(&mut self) -> Parsed<String> {
        let mut name = self.name()?;
        loop {
            let start = self.at;
            if !self.eat('.') {
                return Ok(name);
            }
            let Some(part) = self.attempt(Self::name)? else {
                self.at = start;
                return Ok(name);
            };
            name.push('.');
            name.push_str(&part);
        }
    }
}
