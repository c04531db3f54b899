//! The grammar of OData's own headers and preferences.

use super::cursor::{Cursor, Form};
use super::error::Parsed;
use super::literal;

fn word(c: &mut Cursor<'_>, words: &[&str]) -> Parsed<()> {
    let start = c.at;
    for word in words {
        if c.eat_any_case(word) {
            return Ok(());
        }
        c.at = start;
    }
    c.expected("the name of an OData header or preference")
}

fn odata(c: &mut Cursor<'_>, name: &str) -> Parsed<()> {
    c.eat_any_case("odata.");
    word(c, &[name])
}

fn colon(c: &mut Cursor<'_>, name: &str) -> Parsed<()> {
    word(c, &[name])?;
    c.need(':', "`:`")?;
    c.space();
    Ok(())
}

fn equals(c: &mut Cursor<'_>) -> Parsed<()> {
    c.space();
    c.need('=', "`=`")?;
    c.space();
    Ok(())
}

fn digits(c: &mut Cursor<'_>, least: usize, most: usize) -> Parsed<()> {
    if c.eat_digits(&mut String::new(), least, most) {
        Ok(())
    } else {
        c.expected("digits")
    }
}

fn many(c: &mut Cursor<'_>, least: usize, accept: impl Fn(char) -> bool) -> Parsed<()> {
    let mut count = 0;
    while c.peek().is_some_and(|next| accept(next.value)) {
        c.next();
        count += 1;
    }
    if count < least {
        c.expected("a character that is allowed here")
    } else {
        Ok(())
    }
}

fn positive(c: &mut Cursor<'_>) -> Parsed<()> {
    if c.sees('0') {
        c.expected("a number above zero")
    } else {
        digits(c, 1, usize::MAX)
    }
}

fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c)
}

fn is_visible(c: char) -> bool {
    c.is_ascii_graphic() || !c.is_ascii()
}

pub(super) fn asyncresult(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "AsyncResult")?;
    digits(c, 3, 3)
}

pub(super) fn request_id(c: &mut Cursor<'_>) -> Parsed<()> {
    many(c, 1, is_unreserved)
}

pub(super) fn content_id(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "Content-ID")?;
    request_id(c)
}

pub(super) fn isolation(c: &mut Cursor<'_>) -> Parsed<()> {
    c.eat_any_case("OData-");
    colon(c, "Isolation")?;
    word(c, &["snapshot"])
}

pub(super) fn odata_entityid(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "OData-EntityID")?;
    many(c, 1, is_visible)
}

pub(super) fn odata_error(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "OData-Error")?;
    if !c.eat_exact("{\"code\":") {
        return c.expected("`{\"code\":`");
    }
    many(c, 0, |c| c == ' ' || c.is_ascii_graphic())
}

pub(super) fn odata_maxversion(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "OData-MaxVersion")?;
    digits(c, 1, usize::MAX)?;
    c.need('.', "`.`")?;
    digits(c, 1, usize::MAX)
}

pub(super) fn odata_version(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "OData-Version")?;
    if !c.eat_exact("4.0") {
        return c.expected("4.0 or 4.01");
    }
    if c.peek().is_some_and(|next| ('1'..='9').contains(&next.value)) {
        c.next();
    }
    Ok(())
}

pub(super) fn prefer(c: &mut Cursor<'_>) -> Parsed<()> {
    colon(c, "Prefer")?;
    preference(c)?;
    loop {
        let start = c.at;
        c.space();
        if !c.eat(',') {
            c.at = start;
            return Ok(());
        }
        c.space();
        c.node()?;
        preference(c)?;
    }
}

type Rule = fn(&mut Cursor<'_>) -> Parsed<()>;

fn first_of(c: &mut Cursor<'_>, rules: &[Rule], what: &'static str) -> Parsed<()> {
    for rule in rules {
        if c.attempt(rule)?.is_some() {
            return Ok(());
        }
    }
    c.expected(what)
}

pub(super) fn header(c: &mut Cursor<'_>) -> Parsed<()> {
    let rules: [Rule; 8] = [
        asyncresult,
        content_id,
        isolation,
        odata_entityid,
        odata_error,
        odata_maxversion,
        odata_version,
        prefer,
    ];
    first_of(c, &rules, "an OData header")
}

pub(super) fn preference(c: &mut Cursor<'_>) -> Parsed<()> {
    let rules: [Rule; 10] = [
        allow_entity_references,
        callback,
        continue_on_error,
        include_annotations,
        maxpagesize,
        omit_values,
        respond_async,
        return_preference,
        track_changes,
        wait,
    ];
    first_of(c, &rules, "an OData preference")
}

pub(super) fn allow_entity_references(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "allow-entityreferences")
}

pub(super) fn callback(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "callback")?;
    c.space();
    c.need(';', "`;`")?;
    c.space();
    word(c, &["url"])?;
    equals(c)?;
    c.need('"', "a double quote")?;
    uri(c)?;
    c.need('"', "a closing double quote")
}

pub(super) fn continue_on_error(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "continue-on-error")?;
    c.attempt(|c| {
        equals(c)?;
        if literal::boolean(c).is_some() {
            Ok(())
        } else {
            c.expected("`true` or `false`")
        }
    })?;
    Ok(())
}

pub(super) fn include_annotations(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "include-annotations")?;
    equals(c)?;
    c.need('"', "a double quote")?;
    annotations_list(c)?;
    c.need('"', "a closing double quote")
}

pub(super) fn annotations_list(c: &mut Cursor<'_>) -> Parsed<()> {
    loop {
        c.node()?;
        annotation_identifier(c)?;
        if !c.eat(',') {
            return Ok(());
        }
    }
}

pub(super) fn annotation_identifier(c: &mut Cursor<'_>) -> Parsed<()> {
    c.eat('-');
    if !c.eat('*') {
        let name = c.qualified_name()?;
        let namespace_only = c.eat('.');
        if namespace_only {
            c.need('*', "a term name or `*`")?;
        } else if !name.contains('.') {
            return c.expected("`.` and a term name or `*`");
        }
    }
    if c.eat('#') {
        c.name()?;
    }
    Ok(())
}

pub(super) fn maxpagesize(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "maxpagesize")?;
    equals(c)?;
    positive(c)
}

pub(super) fn omit_values(c: &mut Cursor<'_>) -> Parsed<()> {
    word(c, &["omit-values"])?;
    equals(c)?;
    word(c, &["nulls", "defaults"])
}

pub(super) fn respond_async(c: &mut Cursor<'_>) -> Parsed<()> {
    word(c, &["respond-async"])
}

pub(super) fn return_preference(c: &mut Cursor<'_>) -> Parsed<()> {
    word(c, &["return"])?;
    equals(c)?;
    if c.eat_exact("representation") || c.eat_exact("minimal") {
        return Ok(());
    }
    c.expected("`representation` or `minimal`")
}

pub(super) fn track_changes(c: &mut Cursor<'_>) -> Parsed<()> {
    odata(c, "track-changes")
}

pub(super) fn wait(c: &mut Cursor<'_>) -> Parsed<()> {
    word(c, &["wait"])?;
    equals(c)?;
    digits(c, 1, usize::MAX)
}

/// `URI` of RFC 3986: scheme, `:`, an authority or a path that is not empty, query, fragment.
pub(super) fn uri(c: &mut Cursor<'_>) -> Parsed<()> {
    if !c.peek().is_some_and(|next| next.value.is_ascii_alphabetic()) {
        return c.expected("a URL");
    }
    many(c, 1, |c| c.is_ascii_alphanumeric() || "+-.".contains(c))?;
    c.need(':', "`:`")?;
    if c.eat_exact("//") {
        authority(c)?;
        pieces(c, "/")?;
    } else {
        let rooted = c.eat('/');
        if c.sees('/') {
            return c.expected("a path");
        }
        let start = c.at;
        pieces(c, "/")?;
        if !rooted && c.at == start {
            return c.expected("a path");
        }
    }
    if c.eat('?') {
        pieces(c, "/?")?;
    }
    if c.eat('#') {
        pieces(c, "/?")?;
    }
    Ok(())
}

fn authority(c: &mut Cursor<'_>) -> Parsed<()> {
    c.attempt(|c| {
        pieces_of(c, |c| is_unreserved(c) || "!$&'()*+,;=:".contains(c))?;
        c.need('@', "`@`")
    })?;
    if c.eat('[') {
        many(c, 1, |c| {
            c.is_ascii_alphanumeric() || ":.-_~!$&'()*+,;=".contains(c)
        })?;
        c.need(']', "`]`")?;
    } else {
        pieces_of(c, |c| is_unreserved(c) || "!$&'()*+,;=".contains(c))?;
    }
    if c.eat(':') {
        many(c, 0, |c| c.is_ascii_digit())?;
    }
    if c.peek().is_none_or(|next| "/?#\"".contains(next.value)) {
        Ok(())
    } else {
        c.expected("a path")
    }
}

fn pieces(c: &mut Cursor<'_>, more: &str) -> Parsed<()> {
    pieces_of(c, |c| {
        is_unreserved(c) || "!$&'()*+,;=:@".contains(c) || more.contains(c)
    })
}

/// Takes characters and `%XX` as they stand (headers are read undecoded).
fn pieces_of(c: &mut Cursor<'_>, accept: impl Fn(char) -> bool) -> Parsed<()> {
    debug_assert!(c.form == Form::Text);
    loop {
        many(c, 0, &accept)?;
        if !c.eat('%') {
            return Ok(());
        }
        for _ in 0..2 {
            match c.next() {
                Some(next) if next.value.is_ascii_hexdigit() => {}
                _ => return c.expected("two hexadecimal digits"),
            }
        }
    }
}
