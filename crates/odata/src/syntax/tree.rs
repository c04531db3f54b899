//! The syntax tree: what a text says, before any schema is known.

use uuid::Uuid;

/// A literal. Numbers and times stay text, so that nothing is lost before the type is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, or `NaN`, `INF`, `-INF`.
    Number(String),
    /// A globally unique id.
    Guid(Uuid),
    /// A date.
    Date(String),
    /// A date-time with offset.
    DateTime(String),
    /// A time of day.
    Time(String),
    /// Text; also an enumeration value or a duration written without its prefix.
    Text(String),
    /// A duration with its prefix.
    Duration(String),
    /// An enumeration value with its type: members or numbers.
    Enum {
        /// The qualified name of the type.
        type_name: String,
        /// The names or numbers of the members.
        members: Vec<String>,
    },
    /// Bytes.
    Binary(Vec<u8>),
}

/// An expression. Parentheses are not kept: printing puts them where precedence asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// A literal.
    Literal(Literal),
    /// A path, possibly with function calls and lambda expressions.
    Path(Path),
    /// `not`
    Not(Box<Self>),
    /// `-`
    Negate(Box<Self>),
    /// Two or more operands of `and`.
    And(Vec<Self>),
    /// Two or more operands of `or`.
    Or(Vec<Self>),
    /// A comparison.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// A calculation.
    Calculate(Calculation, Box<Self>, Box<Self>),
    /// `in`; the right side is a list, an array or a path.
    In(Box<Self>, Box<Self>),
    /// A list of literals, right of `in`.
    List(Vec<Literal>),
    /// A call of a built-in function.
    Method(Method, Vec<Self>),
    /// `case`: conditions and results.
    Case(Vec<(Self, Self)>),
    /// A JSON array.
    Array(Vec<Self>),
    /// A JSON object.
    Object(Vec<(String, Self)>),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Has,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the standard")]
pub enum Calculation {
    Add,
    Sub,
    Mul,
    Div,
    DivBy,
    Mod,
}

macro_rules! methods {
    ($($variant:ident $name:literal $least:literal $most:literal,)*) => {
        /// A built-in function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the standard")]
        pub enum Method { $($variant,)* }

        impl Method {
            /// All built-in functions.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the name as it is written in a URL.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the least and the greatest number of arguments.
            #[must_use]
            pub fn arguments(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most),)* }
            }
        }
    };
}

methods! {
    Concat "concat" 2 2,
    Contains "contains" 2 2,
    EndsWith "endswith" 2 2,
    IndexOf "indexof" 2 2,
    Length "length" 1 1,
    MatchesPattern "matchesPattern" 2 2,
    StartsWith "startswith" 2 2,
    Substring "substring" 2 3,
    ToLower "tolower" 1 1,
    ToUpper "toupper" 1 1,
    Trim "trim" 1 1,
    Year "year" 1 1,
    Month "month" 1 1,
    Day "day" 1 1,
    Hour "hour" 1 1,
    Minute "minute" 1 1,
    Second "second" 1 1,
    FractionalSeconds "fractionalseconds" 1 1,
    TotalSeconds "totalseconds" 1 1,
    Date "date" 1 1,
    Time "time" 1 1,
    TotalOffsetMinutes "totaloffsetminutes" 1 1,
    MinDateTime "mindatetime" 0 0,
    MaxDateTime "maxdatetime" 0 0,
    Now "now" 0 0,
    Round "round" 1 1,
    Floor "floor" 1 1,
    Ceiling "ceiling" 1 1,
    HasSubset "hassubset" 2 2,
    HasSubsequence "hassubsequence" 2 2,
    GeoDistance "geo.distance" 2 2,
    GeoLength "geo.length" 1 1,
    GeoIntersects "geo.intersects" 2 2,
}

impl Method {
    /// Finds a built-in function by name, in any case.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|method| method.name().eq_ignore_ascii_case(name))
    }
}

/// A path: where it starts and the segments after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// Where the path starts.
    pub start: Start,
    /// The segments; with [`Start::Here`] at least one.
    pub segments: Vec<Segment>,
}

/// Where a path starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the current instance, or at the lambda variable that the first segment names.
    Here,
    /// At `$it`.
    It,
    /// At `$this`.
    This,
    /// At `$root`.
    Root,
    /// At the value of a parameter alias (without the `@`).
    Alias(String),
}

/// A segment of a path in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A property, type cast, function or lambda variable, with what follows it in parentheses.
    Name(String, Option<Arguments>),
    /// A key predicate after a function call or `$filter(…)`.
    Key(KeyPredicate),
    /// An annotation: term name and qualifier.
    Annotation(String, Option<String>),
    /// `$count`, with options.
    Count(Vec<QueryOption>),
    /// `$filter(…)`
    Filter(Box<Expr>),
    /// `any(…)`, or `any()` without a condition.
    Any(Option<Lambda>),
    /// `all(…)`
    All(Lambda),
}

/// A lambda variable and its condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lambda {
    /// The name of the variable.
    pub variable: String,
    /// The condition.
    pub condition: Box<Expr>,
}

/// What stands in parentheses after a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing: a function call without parameters.
    None,
    /// A key with one part.
    Key(KeyValue),
    /// Names and values: a function call, or a key with named parts.
    Named(Vec<(String, Expr)>),
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPredicate {
    /// `(1)`
    Single(KeyValue),
    /// `(Order=1,Item=2)`
    Named(Vec<(String, KeyValue)>),
    /// `/1/2`, decoded
    Segments(Vec<String>),
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValue {
    /// A literal.
    Literal(Literal),
    /// A parameter alias (without the `@`).
    Alias(String),
}

/// A query option, at the top of a request or nested in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryOption {
    /// `$filter`
    Filter(Expr),
    /// `$search`
    Search(Search),
    /// `$select`
    Select(Vec<SelectItem>),
    /// `$expand`
    Expand(Vec<ExpandItem>),
    /// `$orderby`
    OrderBy(Vec<OrderItem>),
    /// `$compute`: expressions and their names.
    Compute(Vec<(Expr, String)>),
    /// `$top`
    Top(u64),
    /// `$skip`
    Skip(u64),
    /// `$count`
    Count(bool),
    /// `$levels`; `None` is `max`.
    Levels(Option<u64>),
    /// `$index`
    Index(i64),
    /// `$format`
    Format(String),
    /// `$id`
    Id(String),
    /// `$schemaversion`
    SchemaVersion(String),
    /// `$skiptoken`
    SkipToken(String),
    /// `$deltatoken`
    DeltaToken(String),
    /// A parameter alias (without the `@`) and its value.
    Alias(String, Expr),
    /// An option of the service's own, decoded.
    Custom(String, Option<String>),
}

/// An item of `$orderby`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    /// What to order by.
    pub expr: Expr,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// A step of a path in `$select` and `$expand`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A property, type or operation.
    Name(String),
    /// An annotation: term name and qualifier.
    Annotation(String, Option<String>),
}

/// An item of `$select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectItem {
    /// `*`
    All,
    /// All operations of a namespace.
    Operations(String),
    /// A path.
    Path {
        /// The steps; at least one.
        steps: Vec<Step>,
        /// Names of parameters that choose an overload of a function.
        parameters: Vec<String>,
        /// Options in parentheses.
        options: Vec<QueryOption>,
    },
}

/// An item of `$expand`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandItem {
    /// The steps of the path.
    pub steps: Vec<Step>,
    /// What the path ends with.
    pub target: ExpandTarget,
    /// Options in parentheses.
    pub options: Vec<QueryOption>,
}

/// What is expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpandTarget {
    /// The related records.
    Records,
    /// Their references.
    References,
    /// Their number.
    Count,
    /// All navigation properties.
    All,
    /// References by all navigation properties.
    AllReferences,
    /// The media stream.
    Stream,
}

/// A search expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// A word.
    Word(String),
    /// A phrase in double quotes.
    Phrase(String),
    /// All of two or more.
    And(Vec<Self>),
    /// One or more of two or more.
    Or(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// Text in single quotes, as someone is still typing it.
    Incomplete(String),
}
