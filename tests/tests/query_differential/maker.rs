//! Random queries in which every operator and function gets arguments of fitting types.

use driftless_record::query::{Arithmetic, Collected, Comparison, Function, Order, Path};
use driftless_record::{EntityName, Expr, FieldKind, FieldSchema, Query, Schema, Value};

use crate::world::{Random, entity, field, lookup_to, text, uuid_of, value};

/// What an expression should yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    Bool,
    Int,
    Decimal,
    Double,
    Text,
    Date,
    Time,
    DateTime,
    Duration,
    Guid,
    Binary,
    Choice,
    Choices,
    Lookup,
}

pub(crate) const WANTS: [Want; 14] = [
    Want::Bool,
    Want::Int,
    Want::Decimal,
    Want::Double,
    Want::Text,
    Want::Date,
    Want::Time,
    Want::DateTime,
    Want::Duration,
    Want::Guid,
    Want::Binary,
    Want::Choice,
    Want::Choices,
    Want::Lookup,
];

pub(crate) fn yields(kind: &FieldKind) -> Option<Want> {
    Some(match kind {
        FieldKind::Bool => Want::Bool,
        FieldKind::Int { .. } => Want::Int,
        FieldKind::Decimal { .. } | FieldKind::Money { .. } => Want::Decimal,
        FieldKind::Double => Want::Double,
        FieldKind::Text { .. } => Want::Text,
        FieldKind::Date => Want::Date,
        FieldKind::Time => Want::Time,
        FieldKind::DateTime => Want::DateTime,
        FieldKind::Duration => Want::Duration,
        FieldKind::Guid => Want::Guid,
        FieldKind::Binary { .. } => Want::Binary,
        FieldKind::Choice { .. } => Want::Choice,
        FieldKind::Choices { .. } => Want::Choices,
        FieldKind::Lookup { .. } => Want::Lookup,
        FieldKind::File => return None,
    })
}

pub(crate) struct Maker<'a> {
    pub(crate) random: Random,
    pub(crate) schema: &'a Schema,
    pub(crate) scopes: Vec<EntityName>,
}

impl Maker<'_> {
    fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        self.random.pick(list)
    }

    fn literal(&mut self, want: Want) -> Expr {
        let kind = match want {
            Want::Bool => FieldKind::Bool,
            Want::Int => FieldKind::Int { bits: 64 },
            Want::Decimal if self.random.one_in(4) => FieldKind::Decimal {
                precision: None,
                scale: None,
            },
            Want::Decimal => FieldKind::Decimal {
                precision: Some(18),
                scale: Some(*self.pick(&[0, 1, 2, 3, 5])),
            },
            Want::Double => FieldKind::Double,
            Want::Text => FieldKind::Text { max_chars: None },
            Want::Date => FieldKind::Date,
            Want::Time => FieldKind::Time,
            Want::DateTime => FieldKind::DateTime,
            Want::Duration => FieldKind::Duration,
            Want::Guid => FieldKind::Guid,
            Want::Binary => FieldKind::Binary { max_bytes: None },
            Want::Choice => FieldKind::Choice { options: Vec::new() },
            Want::Choices => FieldKind::Choices { options: Vec::new() },
            Want::Lookup if self.random.one_in(2) => {
                return Expr::Literal(Value::Guid(uuid_of(self.random.below(14))));
            }
            Want::Lookup => lookup_to(&["Account", "Contact", "User"]),
        };
        Expr::Literal(value(&mut self.random, &kind))
    }

    /// A path to a field of the wanted type, if one is found; through lookups at times.
    fn field(&mut self, want: Want) -> Option<Expr> {
        let scope = self.random.below(self.scopes.len());
        let mut entity = self
            .schema
            .entity(self.scopes[self.scopes.len() - 1 - scope].as_str())?
            .clone();
        let mut through = Vec::new();
        while self.random.one_in(4) && through.len() < 3 {
            let single = |field: &&FieldSchema| matches!(&field.kind, FieldKind::Lookup { targets } if targets.len() == 1);
            let steps: Vec<_> = entity.fields.iter().filter(single).collect();
            if steps.is_empty() {
                break;
            }
            let step = self.random.pick(&steps);
            let FieldKind::Lookup { targets } = &step.kind else {
                break;
            };
            through.push(step.name.clone());
            let next = self.schema.entity(targets[0].as_str())?.clone();
            entity = next;
        }
        let fitting: Vec<_> = entity
            .fields
            .iter()
            .filter(|field| yields(&field.kind) == Some(want))
            .collect();
        if fitting.is_empty() {
            return None;
        }
        Some(Expr::Field(Path {
            scope: scope as u8,
            through,
            field: self.random.pick(&fitting).name.clone(),
        }))
    }

    fn call(&mut self, function: Function, wants: &[Want], depth: usize) -> Expr {
        Expr::Call(
            function,
            wants.iter().map(|want| self.value(*want, depth)).collect(),
        )
    }

    fn value(&mut self, want: Want, depth: usize) -> Expr {
        let shape = self.random.below(10);
        if shape == 0 && self.random.one_in(3) {
            return Expr::Literal(Value::Null);
        }
        if depth == 0 || shape < 6 {
            let field = if shape < 8 { self.field(want) } else { None };
            return field.unwrap_or_else(|| self.literal(want));
        }
        let depth = depth - 1;
        if shape == 6 && matches!(want, Want::Int | Want::Decimal | Want::Double | Want::Duration) {
            return Expr::Negate(Box::new(self.value(want, depth)));
        }
        self.computed(want, depth)
    }

    fn computed(&mut self, want: Want, depth: usize) -> Expr {
        use Arithmetic::{Add, Div, DivBy, Mod, Mul, Sub};
        use Function as F;
        let binary = |operator, a, b| Expr::Arithmetic(operator, Box::new(a), Box::new(b));
        match want {
            Want::Bool => self.condition(depth),
            Want::Int if self.random.one_in(2) => {
                let operator = *self.pick(&[Add, Sub, Mul, Div, Mod]);
                let (a, b) = (self.value(Want::Int, depth), self.value(Want::Int, depth));
                binary(operator, a, b)
            }
            Want::Int => match self.random.below(7) {
                0 => self.call(F::Length, &[Want::Text], depth),
                1 => self.call(F::IndexOf, &[Want::Text, Want::Text], depth),
                2 => {
                    let function = *self.pick(&[F::Year, F::Month, F::Day]);
                    let of = *self.pick(&[Want::Date, Want::DateTime]);
                    self.call(function, &[of], depth)
                }
                3 | 4 => {
                    let function = *self.pick(&[F::Hour, F::Minute, F::Second]);
                    let of = *self.pick(&[Want::Time, Want::DateTime]);
                    self.call(function, &[of], depth)
                }
                5 => self.call(F::TotalOffsetMinutes, &[Want::DateTime], depth),
                _ => self.call(F::Round, &[Want::Int], depth),
            },
            Want::Decimal => match self.random.below(4) {
                0 => {
                    let function = *self.pick(&[F::Round, F::Floor, F::Ceiling]);
                    self.call(function, &[Want::Decimal], depth)
                }
                1 => {
                    let of = *self.pick(&[Want::Time, Want::DateTime]);
                    self.call(F::FractionalSeconds, &[of], depth)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub, Mul, Mod]);
                    let other = *self.pick(&[Want::Decimal, Want::Int]);
                    let (a, b) = (self.value(Want::Decimal, depth), self.value(other, depth));
                    binary(operator, a, b)
                }
            },
            Want::Double => match self.random.below(3) {
                0 => {
                    let function = *self.pick(&[F::Round, F::Floor, F::Ceiling]);
                    self.call(function, &[Want::Double], depth)
                }
                1 => {
                    let (a, b) = (self.value(Want::Int, depth), self.value(Want::Int, depth));
                    binary(DivBy, a, b)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub, Mul, Div, DivBy]);
                    let other = *self.pick(&[Want::Double, Want::Double, Want::Int]);
                    let (a, b) = (self.value(Want::Double, depth), self.value(other, depth));
                    binary(operator, a, b)
                }
            },
            Want::Text => {
                let text = *self.pick(&[Want::Text, Want::Text, Want::Choice]);
                match self.random.below(5) {
                    0 => self.call(F::ToLower, &[text], depth),
                    1 => self.call(F::ToUpper, &[text], depth),
                    2 => self.call(F::Trim, &[text], depth),
                    3 => self.call(F::Concat, &[text, Want::Text], depth),
                    _ if self.random.one_in(2) => self.call(F::Substring, &[text, Want::Int], depth),
                    _ => self.call(F::Substring, &[text, Want::Int, Want::Int], depth),
                }
            }
            Want::Date if self.random.one_in(2) => self.call(F::Date, &[Want::DateTime], depth),
            Want::Time => self.call(F::Time, &[Want::DateTime], depth),
            Want::DateTime if self.random.one_in(4) => self.call(F::Now, &[], depth),
            Want::Date | Want::DateTime => {
                let operator = *self.pick(&[Add, Sub]);
                let (a, b) = (self.value(want, depth), self.value(Want::Duration, depth));
                binary(operator, a, b)
            }
            Want::Duration => match self.random.below(3) {
                0 => {
                    let of = *self.pick(&[Want::Date, Want::DateTime]);
                    let (a, b) = (self.value(of, depth), self.value(of, depth));
                    binary(Sub, a, b)
                }
                1 => {
                    let operator = *self.pick(&[Mul, Div]);
                    let (a, b) = (self.value(Want::Duration, depth), self.value(Want::Int, depth));
                    binary(operator, a, b)
                }
                _ => {
                    let operator = *self.pick(&[Add, Sub]);
                    let (a, b) = (
                        self.value(Want::Duration, depth),
                        self.value(Want::Duration, depth),
                    );
                    binary(operator, a, b)
                }
            },
            _ => self.field(want).unwrap_or_else(|| self.literal(want)),
        }
    }

    fn conditions(&mut self, depth: usize) -> Vec<Expr> {
        (0..self.random.below(4)).map(|_| self.condition(depth)).collect()
    }

    fn condition(&mut self, depth: usize) -> Expr {
        use Comparison::{Eq, Ge, Gt, Has, Le, Lt, Ne};
        let inner = depth.saturating_sub(1);
        match self.random.below(if depth == 0 { 8 } else { 16 }) {
            0..=6 => {
                let want = *self.pick(&WANTS);
                let other = match want {
                    Want::Int | Want::Decimal | Want::Double if self.random.one_in(3) => {
                        *self.pick(&[Want::Int, Want::Decimal, Want::Double])
                    }
                    Want::Text | Want::Choice if self.random.one_in(3) => {
                        *self.pick(&[Want::Text, Want::Choice])
                    }
                    same => same,
                };
                let comparison = match want {
                    Want::Lookup | Want::Choices => *self.pick(&[Eq, Ne]),
                    _ => *self.pick(&[Eq, Eq, Ne, Gt, Ge, Lt, Le]),
                };
                let (a, b) = (self.value(want, inner), self.value(other, inner));
                let (a, b) = if self.random.one_in(2) { (a, b) } else { (b, a) };
                Expr::Compare(comparison, Box::new(a), Box::new(b))
            }
            7 => self.field(Want::Bool).unwrap_or_else(|| self.literal(Want::Bool)),
            8 => Expr::Not(Box::new(self.condition(inner))),
            9 => Expr::And(self.conditions(inner)),
            10 => Expr::Or(self.conditions(inner)),
            11 => {
                let want = *self.pick(&WANTS);
                let left = self.value(want, inner);
                let count = self.random.below(4);
                Expr::In(Box::new(left), (0..count).map(|_| self.value(want, 0)).collect())
            }
            12 => {
                let function = *self.pick(&[Function::Contains, Function::StartsWith, Function::EndsWith]);
                let text = *self.pick(&[Want::Text, Want::Text, Want::Choice]);
                self.call(function, &[text, Want::Text], inner)
            }
            13 => {
                let left = *self.pick(&[Want::Choices, Want::Choices, Want::Choice]);
                let right = *self.pick(&[Want::Choices, Want::Choice, Want::Text]);
                let (a, b) = (self.value(left, 0), self.literal(right));
                Expr::Compare(Has, Box::new(a), Box::new(b))
            }
            shape => self.collected(shape == 14, inner),
        }
    }

    fn collected(&mut self, any: bool, depth: usize) -> Expr {
        let scope = self.random.below(self.scopes.len());
        let mut from = self.scopes[self.scopes.len() - 1 - scope].clone();
        let mut through = Vec::new();
        if from.as_str() == "Account" && self.random.one_in(4) {
            let name = if self.random.one_in(2) {
                "parent"
            } else {
                "parent2"
            };
            through.push(field(name));
        } else if from.as_str() == "Contact" && self.random.one_in(2) {
            through.push(field("account"));
            from = entity("Account");
        }
        let schema = self.schema.entity(from.as_str()).unwrap();
        let names: Vec<_> = schema.collections.keys().collect();
        let name = (*self.random.pick(&names)).clone();
        let child = schema.collections[&name].entity.clone();
        let body = if self.random.one_in(6) || self.scopes.len() > 3 {
            None
        } else {
            self.scopes.push(child);
            let body = self.condition(depth);
            self.scopes.pop();
            Some(Box::new(body))
        };
        let collected = Collected {
            scope: scope as u8,
            through,
            collection: name,
            body,
        };
        if any {
            Expr::Any(collected)
        } else {
            Expr::All(collected)
        }
    }

    pub(crate) fn query(&mut self) -> Query {
        let name = self.pick(&["Account", "Account", "Contact", "User"]);
        let mut query = Query::all(entity(name));
        self.scopes = vec![query.entity.clone()];
        if !self.random.one_in(10) {
            let depth = self.random.below(5);
            query.filter = Some(self.condition(depth));
        }
        if self.random.one_in(6) {
            query.search = Some(format!("{} {}", text(&mut self.random), text(&mut self.random)));
        }
        for _ in 0..self.random.below(3) {
            let want = *self.pick(&WANTS);
            let by = match self.value(want, self.random.0 as usize % 3) {
                Expr::Literal(_) => continue,
                by => by,
            };
            query.order.push(Order {
                by,
                descending: self.random.one_in(2),
            });
        }
        if self.random.one_in(3) {
            query.skip = self.random.below(5) as u64;
        }
        if self.random.one_in(3) {
            query.top = Some(self.random.below(8) as u64);
        }
        query
    }
}
