//! The rules of the OData ABNF by name, so that the standard's grammar cases can be run against this crate.

use super::cursor::{Cursor, Form};
use super::error::{Parsed, SyntaxError};
use super::{expr, header, json, literal, options, parse, path, search};

type Read = Box<dyn FnOnce(&mut Cursor<'_>) -> Parsed<()>>;

fn of<T: 'static>(read: fn(&mut Cursor<'_>) -> Parsed<T>) -> Read {
    Box::new(move |c| read(c).map(drop))
}

fn maybe<T: 'static>(read: fn(&mut Cursor<'_>) -> Option<T>) -> Read {
    Box::new(move |c| {
        if read(c).is_some() {
            Ok(())
        } else {
            c.expected("a value of this type")
        }
    })
}

fn integer(signed: bool, digits: usize) -> Read {
    Box::new(move |c| {
        if literal::integer(c, signed, digits).is_some() {
            Ok(())
        } else {
            c.expected("a whole number")
        }
    })
}

fn named(option: &'static str) -> Read {
    Box::new(move |c| match options::system_name(c) {
        Some(name) if name == option => options::value(c, name).map(drop),
        _ => c.expected("the name of the query option"),
    })
}

fn keyword(word: &'static str) -> Read {
    Box::new(move |c| {
        if c.eat_exact(word) {
            Ok(())
        } else {
            c.expected("the keyword")
        }
    })
}

fn lambda(word: &'static str, may_be_empty: bool) -> Read {
    Box::new(move |c| {
        if !c.eat_any_case(word) {
            return c.expected("`any` or `all`");
        }
        match path::any(c)? {
            None if !may_be_empty => c.expected("a lambda expression"),
            _ => Ok(()),
        }
    })
}

fn not(c: &mut Cursor<'_>) -> Parsed<()> {
    match expr::not(c)? {
        // `not` reaches as far as the expression goes: the standard gives precedence in prose only.
        Some(_) => {
            expr::after_operand(c)?;
            Ok(())
        }
        None => c.expected("`not`"),
    }
}

fn system(c: &mut Cursor<'_>) -> Parsed<()> {
    match options::system_name(c) {
        Some("levels") | None => c.expected("a system query option"),
        Some(name) => options::value(c, name).map(drop),
    }
}

fn member(c: &mut Cursor<'_>) -> Parsed<()> {
    match path::path(c)? {
        super::Expr::Path(_) => Ok(()),
        _ => c.expected("a path"),
    }
}

fn query_options(c: &mut Cursor<'_>) -> Parsed<()> {
    loop {
        c.node()?;
        parse::option(c)?;
        if !c.eat_plain('&') {
            return Ok(());
        }
    }
}

fn value(c: &mut Cursor<'_>) -> Parsed<()> {
    if c.rest()
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("SRID="))
    {
        return c.unsupported("geographic literals");
    }
    let rules: [fn() -> Read; 9] = [
        || maybe(literal::boolean),
        || maybe(literal::guid),
        || maybe(literal::duration),
        || maybe(literal::date_time),
        || maybe(literal::date),
        || maybe(literal::time_of_day),
        || of(literal::members),
        || maybe(literal::number),
        || of(literal::binary),
    ];
    // The longest match counts: a number is also the beginning of base64.
    let start = c.at;
    let mut longest = None;
    for rule in rules {
        if c.attempt(rule())?.is_some() {
            longest = longest.max(Some(c.at));
            c.at = start;
        }
    }
    match longest {
        Some(end) => {
            c.at = end;
            Ok(())
        }
        None => c.expected("a primitive value"),
    }
}

fn rule(name: &str) -> Option<(Form, Read)> {
    let path = |read| Some((Form::Path, read));
    let query = |read| Some((Form::Query, read));
    let text = |read| Some((Form::Text, read));
    match name {
        "null" => path(keyword("null")),
        "boolean" => path(maybe(literal::boolean)),
        "booleanvalue" => text(maybe(literal::boolean)),
        "guid" => path(maybe(literal::guid)),
        "guidvalue" => text(maybe(literal::guid)),
        "date" => path(maybe(literal::date)),
        "datevalue" => text(maybe(literal::date)),
        "datetimeoffset" | "datetimeoffsetliteral" => path(maybe(literal::date_time)),
        "datetimeoffsetvalue" => text(maybe(literal::date_time)),
        "timeofday" | "timeofdayliteral" => path(maybe(literal::time_of_day)),
        "timeofdayvalue" => text(maybe(literal::time_of_day)),
        "duration" | "durationliteral" => path(of(literal::duration_literal)),
        "durationvalue" => text(maybe(literal::duration)),
        "decimalliteral" | "doubleliteral" | "singleliteral" => path(maybe(literal::number)),
        "decimalvalue" | "doublevalue" | "singlevalue" => text(maybe(literal::number)),
        "byte" | "bytevalue" => path(integer(false, 3)),
        "sbyteliteral" | "sbyte" => path(integer(true, 3)),
        "sbytevalue" => text(integer(true, 3)),
        "int16literal" | "int16" => path(integer(true, 5)),
        "int16value" => text(integer(true, 5)),
        "int32literal" | "int32" => path(integer(true, 10)),
        "int32value" => text(integer(true, 10)),
        "int64literal" | "int64" => path(integer(true, 19)),
        "int64value" => text(integer(true, 19)),
        "stringliteral" | "string" => path(of(literal::text)),
        "binaryliteral" | "binary" => path(of(|c| match literal::literal(c)? {
            Some(super::Literal::Binary(_)) => Ok(()),
            _ => c.expected("a binary literal"),
        })),
        "binaryvalue" => text(of(literal::binary)),
        "enum" | "enumliteral" => path(of(path::enum_literal)),
        "enumvalue" => text(of(literal::members)),
        "primitiveliteral" => path(of(literal::any_literal)),
        "primitivevalue" => text(of(value)),
        "keypropertyvalue" => path(of(literal::key_value)),
        "stringinurl" => query(of(json::string)),
        "arrayorobject" => query(of(|c| {
            c.space();
            json::array_or_object(c)
        })),
        "odataidentifier" => path(of(|c| c.name())),
        "namespace" => path(of(|c| c.qualified_name())),
        "parameteralias" => path(of(|c| {
            c.need('@', "`@`")?;
            c.name()
        })),
        "keypredicate" => path(of(path::key)),
        "simplekey" | "compoundkey" => path(of(path::key_in_parentheses)),
        "annotationinquery" => query(of(path::annotation)),
        "commonexpr" | "boolcommonexpr" | "parametervalue" => query(of(expr::expr)),
        "notexpr" => query(of(not)),
        "anyexpr" => query(lambda("any", true)),
        "allexpr" => query(lambda("all", false)),
        "propertypathexpr" | "firstmemberexpr" | "memberexpr" | "directmemberexpr" | "functionexpr"
        | "rootexpr" | "annotationexpr" | "boundfunctionexpr" => query(of(member)),
        "filter" => query(named("filter")),
        "orderby" => query(named("orderby")),
        "select" => query(named("select")),
        "expand" => query(named("expand")),
        "compute" => query(named("compute")),
        "search" => query(named("search")),
        "top" => query(named("top")),
        "skip" => query(named("skip")),
        "inlinecount" | "count" => query(named("count")),
        "levels" => query(named("levels")),
        "index" => query(named("index")),
        "format" => query(named("format")),
        "id" => query(named("id")),
        "schemaversion" => query(named("schemaversion")),
        "skiptoken" => query(named("skiptoken")),
        "deltatoken" => query(named("deltatoken")),
        "searchexpr" => query(of(search::expression)),
        "systemqueryoption" => query(of(system)),
        "customqueryoption" => query(of(parse::custom)),
        "aliasandvalue" => query(of(options::alias)),
        "queryoptions" => query(of(query_options)),
        _ => header_rule(name).map(|read| (Form::Text, of(read))),
    }
}

fn header_rule(name: &str) -> Option<fn(&mut Cursor<'_>) -> Parsed<()>> {
    Some(match name {
        "header" => header::header,
        "asyncresult" => header::asyncresult,
        "content-id" => header::content_id,
        "request-id" => header::request_id,
        "isolation" => header::isolation,
        "odata-entityid" => header::odata_entityid,
        "odata-error" => header::odata_error,
        "odata-maxversion" => header::odata_maxversion,
        "odata-version" => header::odata_version,
        "prefer" => header::prefer,
        "preference" => header::preference,
        "allowentityreferencespreference" => header::allow_entity_references,
        "callbackpreference" => header::callback,
        "continueonerrorpreference" => header::continue_on_error,
        "includeannotationspreference" => header::include_annotations,
        "annotationslist" => header::annotations_list,
        "annotationidentifier" => header::annotation_identifier,
        "maxpagesizepreference" => header::maxpagesize,
        "omitvaluespreference" => header::omit_values,
        "respondasyncpreference" => header::respond_async,
        "returnpreference" => header::return_preference,
        "trackchangespreference" => header::track_changes,
        "waitpreference" => header::wait,
        "uri" => header::uri,
        _ => return None,
    })
}

/// Reads a text by the rule of this name (in any case) of the OData ABNF, or returns `None` if the rule is not
/// implemented.
#[must_use]
pub fn check(rule_name: &str, text: &str) -> Option<Result<(), SyntaxError>> {
    let (form, read) = rule(&rule_name.to_ascii_lowercase())?;
    Some(parse::whole(text, form, read))
}
