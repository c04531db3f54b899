//! Conditions: what is true, false or null.

use super::writer::{Writer, joined_conditions, within_limit};
use crate::query::{Children, Function, Node, Typed};
use crate::sql::dialect::quoted;
use crate::sql::names::CompileError;
use crate::sql::stored::Stored;
use crate::value::Value;

/// Makes null false, where a difference between them can be seen.
pub(super) fn exact(condition: String, strict: bool) -> String {
    if strict {
        format!("({condition}) IS TRUE")
    } else {
        condition
    }
}

impl Writer<'_> {
    /// Writes a condition. Where it is not strict, it may be null for false: at the places where only true counts.
    pub(super) fn condition(&mut self, typed: &Typed, strict: bool) -> Result<String, CompileError> {
        let sql = match &typed.node {
            Node::Const(Value::Bool(true)) => "TRUE".to_owned(),
            Node::Const(Value::Bool(false)) => "FALSE".to_owned(),
            Node::Const(_) => "(1 = NULL)".to_owned(),
            Node::Not(inner) => format!("NOT ({})", self.condition(inner, true)?),
            Node::And(list) => self.list(list, "AND", strict)?,
            Node::Or(list) => self.list(list, "OR", strict)?,
            Node::Compare(comparison, a, b) => self.compare(*comparison, a, b, strict)?,
            Node::In(left, list) => self.member(left, list, strict)?,
            Node::Any(children) => format!("EXISTS ({})", self.children(children, true)?),
            Node::All(children) => format!("NOT EXISTS ({})", self.children(children, false)?),
            Node::Call(Function::Contains | Function::StartsWith | Function::EndsWith, _) => {
                self.text_test(typed)?
            }
            Node::Call(..) | Node::Field(_) | Node::Key(_) | Node::Arithmetic(..) | Node::Negate(_) => {
                format!("{} = 1", self.value(typed)?.sql)
            }
        };
        within_limit(sql)
    }

    fn list(&mut self, list: &[Typed], operator: &str, strict: bool) -> Result<String, CompileError> {
        let conditions: Result<Vec<_>, _> = list
            .iter()
            .map(|item| Ok::<_, CompileError>(format!("({})", self.condition(item, strict)?)))
            .collect();
        Ok(joined_conditions(conditions?, operator))
    }

    /// Writes the selection of children for which the condition is true (`wanted`) or not true.
    fn children(&mut self, children: &Children, wanted: bool) -> Result<String, CompileError> {
        let parent = match children.through.split_last() {
            None => self.id(children.scope)?,
            Some((last, before)) => self.column(children.scope, before, &last.field, "")?,
        };
        self.enter(&children.child.name);
        let child = self.alias(0)?.to_owned();
        let via = self.column_name(&children.child.name, &children.via)?;
        let mut conditions = vec![format!("{child}.{} = {parent}", quoted(&via))];
        if children.via_several {
            let entity = self.bind(Stored::Text(children.parent.as_str().to_owned().into()));
            conditions.push(format!("{child}.{} = {entity}", quoted(&format!("{via}_e"))));
        }
        match (&children.body, wanted) {
            (Some(body), true) => conditions.push(format!("({})", self.condition(body, false)?)),
            (Some(body), false) => conditions.push(format!("({}) IS NOT TRUE", self.condition(body, true)?)),
            (None, true) => {}
            (None, false) => conditions.push("FALSE".to_owned()),
        }
        let (from, restriction) = self.leave()?;
        conditions.extend(restriction.map(|restriction| format!("({restriction})")));
        Ok(format!("SELECT 1 FROM {from} WHERE {}", conditions.join(" AND ")))
    }
}
