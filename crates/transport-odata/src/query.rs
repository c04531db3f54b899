//! Queries as OData writes them.

use driftless_odata::syntax::{
    Comparison as Op, Expr as Tree, Literal, OrderItem, Path, QueryOption, Segment, SelectItem, Start, Step,
};
use driftless_record::query::Comparison;
use driftless_record::{Expr, Query, Value};

pub(crate) fn to_options(query: &Query) -> Result<Vec<QueryOption>, String> {
    let mut options = Vec::new();
    if let Some(filter) = &query.filter {
        options.push(QueryOption::Filter(expr(filter)?));
    }
    if !query.select.is_empty() {
        let item = |name: &driftless_record::FieldName| SelectItem::Path {
            steps: vec![Step::Name(name.to_string())],
            parameters: Vec::new(),
            options: Vec::new(),
        };
        options.push(QueryOption::Select(query.select.iter().map(item).collect()));
    }
    if !query.order.is_empty() {
        let items: Result<Vec<_>, String> = query
            .order
            .iter()
            .map(|o| {
                Ok(OrderItem {
                    expr: expr(&o.by)?,
                    descending: o.descending,
                })
            })
            .collect();
        options.push(QueryOption::OrderBy(items?));
    }
    if let Some(top) = query.top {
        options.push(QueryOption::Top(top));
    }
    Ok(options)
}

fn expr(e: &Expr) -> Result<Tree, String> {
    Ok(match e {
        Expr::Literal(value) => Tree::Literal(literal(value)?),
        Expr::Field(path) if path.through.is_empty() => Tree::Path(Path {
            start: Start::Here,
            segments: vec![Segment::Name(path.field.to_string(), None)],
        }),
        Expr::And(terms) => Tree::And(terms.iter().map(expr).collect::<Result<_, _>>()?),
        Expr::Or(terms) => Tree::Or(terms.iter().map(expr).collect::<Result<_, _>>()?),
        Expr::Compare(op, a, b) => {
            let op = match op {
                Comparison::Eq => Op::Eq,
                Comparison::Ne => Op::Ne,
                Comparison::Gt => Op::Gt,
                Comparison::Ge => Op::Ge,
                Comparison::Lt => Op::Lt,
                Comparison::Le => Op::Le,
                Comparison::Has => Op::Has,
            };
            Tree::Compare(op, Box::new(expr(a)?), Box::new(expr(b)?))
        }
        _ => return Err("not yet".to_owned()),
    })
}

fn literal(value: &Value) -> Result<Literal, String> {
    Ok(match value {
        Value::Null => Literal::Null,
        Value::Bool(v) => Literal::Bool(*v),
        Value::Int(v) => Literal::Number(v.to_string()),
        Value::Decimal(v) => Literal::Number(v.to_string()),
        Value::Guid(v) => Literal::Guid(*v),
        Value::Text(v) | Value::Choice(v) => Literal::Text(v.clone()),
        Value::DateTime(v) => Literal::DateTime(v.to_string()),
        Value::Date(v) => Literal::Date(v.to_string()),
        _ => return Err("not yet".to_owned()),
    })
}
