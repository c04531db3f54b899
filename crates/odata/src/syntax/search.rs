//! Search expressions. `AND`, `OR` and `NOT` are words where they cannot be operators.

use super::cursor::{Cursor, MAX_DEPTH};
use super::error::{Parsed, SyntaxErrorKind};
use super::tree::Search;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Phrase(String),
    Word(String),
}

/// Reads the value of `$search`: an expression, or text in single quotes that someone is still typing.
pub(super) fn search(c: &mut Cursor<'_>) -> Parsed<Search> {
    c.space();
    if c.sees('\'') {
        incomplete(c)
    } else {
        expression(c)
    }
}

/// Reads a search expression.
pub(super) fn expression(c: &mut Cursor<'_>) -> Parsed<Search> {
    let tokens = tokens(c)?;
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
    };
    match reader.group() {
        Some(search) if reader.at == tokens.len() => Ok(search),
        _ => c.expected("a search word or phrase"),
    }
}

/// Reads tokens as far as they go: up to what cannot belong to a search expression.
///
/// Afterwards parentheses are balanced, groups are not empty, and operands have a space between them.
fn tokens(c: &mut Cursor<'_>) -> Parsed<Vec<Token>> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut open = 0;
    loop {
        let before = c.at;
        let spaced = c.space();
        c.node()?;
        let after_operand = matches!(
            tokens.last(),
            Some(Token::Close | Token::Phrase(_) | Token::Word(_))
        );
        if c.sees(')') && open > 0 {
            if !after_operand {
                return c.expected("a search word or phrase");
            }
            c.next();
            open -= 1;
            tokens.push(Token::Close);
            continue;
        }
        let starts = c.sees('(') || c.sees('"') || c.peek().is_some_and(in_word);
        if !starts || (after_operand && !spaced) {
            if open > 0 {
                return c.expected("a closing parenthesis");
            }
            c.at = before;
            return Ok(tokens);
        }
        if c.eat('(') {
            open += 1;
            if open > MAX_DEPTH {
                return Err(c.error(SyntaxErrorKind::TooDeep));
            }
            tokens.push(Token::Open);
        } else if c.sees('"') {
            tokens.push(Token::Phrase(phrase(c)?));
        } else {
            tokens.push(Token::Word(word(c)));
        }
    }
}

fn in_word(c: super::cursor::Char) -> bool {
    if matches!(c.value, '(' | ')' | '"' | ' ' | '\t') {
        return false;
    }
    c.encoded || c.value.is_ascii_alphanumeric() || "-._~!*+,:@/?$=".contains(c.value) || !c.value.is_ascii()
}

fn word(c: &mut Cursor<'_>) -> String {
    let mut word = String::new();
    while let Some(next) = c
        .peek()
        .filter(|next| in_word(*next) || (next.value == '\'' && !word.is_empty()))
    {
        word.push(next.value);
        c.next();
    }
    word
}

fn phrase(c: &mut Cursor<'_>) -> Parsed<String> {
    c.need('"', "a double quote")?;
    let mut text = String::new();
    loop {
        let Some(next) = c.peek() else {
            return c.expected("a closing double quote");
        };
        c.next();
        match next.value {
            '"' if text.is_empty() => return c.expected("a search phrase"),
            '"' => return Ok(text),
            '&' | '#' if !next.encoded => return c.expected("a closing double quote"),
            value => text.push(value),
        }
    }
}

fn incomplete(c: &mut Cursor<'_>) -> Parsed<Search> {
    c.need('\'', "a quote")?;
    let mut text = String::new();
    loop {
        let Some(next) = c.peek() else {
            return c.expected("a closing quote");
        };
        c.next();
        match next.value {
            '\'' if !c.eat('\'') => return Ok(Search::Incomplete(text)),
            '&' | '#' if !next.encoded => return c.expected("a closing quote"),
            value => text.push(value),
        }
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    /// Whether an operand stands so many tokens from here.
    fn operand_follows(&self, ahead: usize) -> bool {
        matches!(
            self.tokens.get(self.at + ahead),
            Some(Token::Open | Token::Phrase(_) | Token::Word(_))
        )
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(text)) if text == word)
    }

    /// Reads up to the end or a closing parenthesis.
    fn group(&mut self) -> Option<Search> {
        let mut alternatives = vec![self.conjunction()?];
        while self.is_word("OR") && self.operand_follows(1) {
            self.at += 1;
            alternatives.push(self.conjunction()?);
        }
        one_or(alternatives, Search::Or)
    }

    fn conjunction(&mut self) -> Option<Search> {
        let mut terms = vec![self.operand()?];
        loop {
            if self.is_word("OR") && self.operand_follows(1) || !self.operand_follows(0) {
                return one_or(terms, Search::And);
            }
            if self.is_word("AND") && self.operand_follows(1) {
                self.at += 1;
            }
            terms.push(self.operand()?);
        }
    }

    fn operand(&mut self) -> Option<Search> {
        // A row of NOTs needs no recursion: two of them cancel out.
        let mut denied = false;
        while self.is_word("NOT") && self.operand_follows(1) {
            self.at += 1;
            denied = !denied;
        }
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        let operand = match token {
            Token::Word(text) => Search::Word(text.clone()),
            Token::Phrase(text) => Search::Phrase(text.clone()),
            Token::Open => {
                let group = self.group()?;
                self.at += 1;
                group
            }
            Token::Close => return None,
        };
        Some(if denied {
            Search::Not(Box::new(operand))
        } else {
            operand
        })
    }
}

fn one_or(mut terms: Vec<Search>, make: fn(Vec<Search>) -> Search) -> Option<Search> {
    if terms.len() == 1 {
        terms.pop()
    } else {
        Some(make(terms))
    }
}
