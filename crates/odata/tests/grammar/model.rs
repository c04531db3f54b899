//! The model that the cases were written against: which names there are, and what they name.
//!
//! The grammar itself takes any name; a negative case may be negative only because its model has no such thing.

use std::collections::{BTreeMap, BTreeSet};

use driftless_odata::syntax::{
    Arguments, Expr, Form, Path, QueryOption, Segment, SelectItem, Start, Step, SyntaxError, SyntaxErrorKind,
    parse_expr, parse_option,
};
use saphyr::Yaml;

const PROPERTIES: &[&str] = &[
    "primitiveKeyProperty",
    "primitiveNonKeyProperty",
    "primitiveColProperty",
    "complexProperty",
    "complexColProperty",
    "entityNavigationProperty",
    "entityColNavigationProperty",
    "streamProperty",
];
const TYPES: &[&str] = &["entityTypeName", "complexTypeName"];
const KEYED: &[&str] = &["entityColNavigationProperty", "entityTypeName", "entitySetName"];
const FUNCTIONS: &[&str] = &[
    "entityFunction",
    "entityColFunction",
    "complexFunction",
    "complexColFunction",
    "primitiveFunction",
    "primitiveColFunction",
];
const IMPORTS: &[&str] = &[
    "entityFunctionImport",
    "entityColFunctionImport",
    "complexFunctionImport",
    "complexColFunctionImport",
    "primitiveFunctionImport",
    "primitiveColFunctionImport",
];
const ROOTS: &[&str] = &["entitySetName", "singletonEntity"];
const ACTIONS: &[&str] = &["action"];

/// Rules whose whole text is one expression.
const EXPRESSIONS: &[&str] = &[
    "commonExpr",
    "boolCommonExpr",
    "firstMemberExpr",
    "propertyPathExpr",
    "memberExpr",
];
/// Rules whose whole text is one query option.
const OPTIONS: &[&str] = &["filter", "orderby", "expand", "select", "systemQueryOption"];

pub(crate) struct Model {
    names: BTreeMap<String, BTreeSet<String>>,
}

type Checked = Result<(), SyntaxError>;

fn refuse() -> Checked {
    Err(SyntaxError {
        at: 0,
        kind: SyntaxErrorKind::Expected("a name of the model"),
    })
}

impl Model {
    pub(crate) fn of(document: &Yaml<'_>) -> Self {
        let list = |names: &Yaml<'_>| {
            names
                .as_sequence()
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect()
        };
        let mapping = document.as_mapping_get("Constraints").and_then(Yaml::as_mapping);
        let names = mapping
            .into_iter()
            .flatten()
            .filter_map(|(rule, names)| Some((rule.as_str()?.to_owned(), list(names))));
        Self {
            names: names.collect(),
        }
    }

    /// Holds a text that follows the grammar against the model.
    pub(crate) fn check(&self, rule: &str, text: &str) -> Checked {
        let is = |rules: &[&str]| rules.iter().any(|known| known.eq_ignore_ascii_case(rule));
        if self.names.is_empty() {
            return Ok(());
        }
        if is(EXPRESSIONS) {
            return self.expr(&parse_expr(text, Form::Query)?);
        }
        if is(OPTIONS) {
            return self.option(&parse_option(text)?);
        }
        if rule.eq_ignore_ascii_case("queryOptions") {
            return text
                .split('&')
                .try_for_each(|part| self.option(&parse_option(part)?));
        }
        Ok(())
    }

    fn has(&self, kinds: &[&str], name: &str) -> bool {
        let (namespace, simple) = match name.rsplit_once('.') {
            Some((namespace, simple)) => (Some(namespace), simple),
            None => (None, name),
        };
        let known = |kind: &str, name: &str| self.names.get(kind).is_some_and(|names| names.contains(name));
        kinds.iter().any(|kind| known(kind, simple))
            && namespace.is_none_or(|parts| parts.split('.').all(|part| known("namespacePart", part)))
    }

    fn option(&self, option: &QueryOption) -> Checked {
        match option {
            QueryOption::Filter(expr) | QueryOption::Alias(_, expr) => self.expr(expr),
            QueryOption::OrderBy(items) => items.iter().try_for_each(|item| self.expr(&item.expr)),
            QueryOption::Compute(items) => items.iter().try_for_each(|(expr, _)| self.expr(expr)),
            QueryOption::Expand(items) => items.iter().try_for_each(|item| {
                self.steps(&item.steps, &[PROPERTIES, TYPES])?;
                item.options.iter().try_for_each(|option| self.option(option))
            }),
            QueryOption::Select(items) => items.iter().try_for_each(|item| match item {
                SelectItem::Path { steps, options, .. } => {
                    self.steps(steps, &[PROPERTIES, TYPES, FUNCTIONS, ACTIONS])?;
                    options.iter().try_for_each(|option| self.option(option))
                }
                _ => Ok(()),
            }),
            QueryOption::Custom(name, value) => {
                let parameter = value.is_some() && self.has(&["parameterName"], name);
                let custom = self
                    .names
                    .get("customName")
                    .is_none_or(|names| names.contains(name));
                if parameter || custom { Ok(()) } else { refuse() }
            }
            _ => Ok(()),
        }
    }

    fn steps(&self, steps: &[Step], kinds: &[&[&str]]) -> Checked {
        let known = |step: &Step| match step {
            Step::Name(name) => kinds.iter().any(|kinds| self.has(kinds, name)),
            Step::Annotation(..) => true,
        };
        // Computed properties may be selected under any name that an annotation had.
        if steps.iter().all(known) { Ok(()) } else { refuse() }
    }

    fn all(&self, terms: &[Expr]) -> Checked {
        terms.iter().try_for_each(|term| self.expr(term))
    }

    fn expr(&self, expr: &Expr) -> Checked {
        match expr {
            Expr::Literal(_) | Expr::List(_) => Ok(()),
            Expr::Path(path) => self.path(path),
            Expr::Not(inner) | Expr::Negate(inner) => self.expr(inner),
            Expr::And(terms) | Expr::Or(terms) | Expr::Array(terms) | Expr::Method(_, terms) => {
                self.all(terms)
            }
            Expr::Compare(_, left, right) | Expr::Calculate(_, left, right) | Expr::In(left, right) => {
                self.expr(left)?;
                self.expr(right)
            }
            Expr::Case(pairs) => pairs.iter().try_for_each(|(condition, result)| {
                self.expr(condition)?;
                self.expr(result)
            }),
            Expr::Object(members) => members.iter().try_for_each(|(_, value)| self.expr(value)),
        }
    }

    fn path(&self, path: &Path) -> Checked {
        path.segments.iter().enumerate().try_for_each(|(at, segment)| {
            let root = at == 0 && path.start == Start::Root;
            let first = at == 0 && path.start == Start::Here;
            self.segment(segment, (root, first))
        })
    }

    fn segment(&self, segment: &Segment, (root, first): (bool, bool)) -> Checked {
        let known = |known| if known { Ok(()) } else { refuse() };
        match segment {
            // The grammar takes any name for a lambda variable, wherever it stands.
            Segment::Name(name, None) if first && !name.contains('.') => Ok(()),
            Segment::Name(name, None) if root => known(self.has(ROOTS, name)),
            Segment::Name(name, None) => known(self.has(PROPERTIES, name) || self.has(TYPES, name)),
            Segment::Name(name, Some(Arguments::None)) if root => known(self.has(IMPORTS, name)),
            Segment::Name(name, Some(Arguments::None)) => known(self.has(FUNCTIONS, name)),
            Segment::Name(name, Some(Arguments::Key(_))) => known(self.has(KEYED, name)),
            Segment::Name(name, Some(Arguments::Named(values))) => {
                known(
                    self.has(FUNCTIONS, name) || self.has(KEYED, name) || (root && self.has(IMPORTS, name)),
                )?;
                values.iter().try_for_each(|(_, value)| self.expr(value))
            }
            Segment::Key(_) | Segment::Annotation(..) | Segment::Any(None) => Ok(()),
            Segment::Count(options) => options.iter().try_for_each(|option| self.option(option)),
            Segment::Filter(condition) => self.expr(condition),
            Segment::Any(Some(lambda)) | Segment::All(lambda) => self.expr(&lambda.condition),
        }
    }
}
