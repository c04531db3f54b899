//! What the grammar must hold beyond the standard's own cases.

use proptest::prelude::*;

use super::*;

#[test]
fn nesting_has_a_limit_and_never_overflows_the_stack() {
    for text in [
        "(".repeat(100_000),
        "[".repeat(100_000),
        "not ".repeat(100_000),
        "- ".repeat(100_000),
        format!("1{}", " add 1".repeat(100_000)),
        format!("1{}", " eq 1".repeat(100_000)),
        "a/any(x:".repeat(100_000),
        "a/$filter(".repeat(100_000),
        "a in (a in ".repeat(100_000),
    ] {
        assert!(parse_expr(&text, Form::Query).is_err());
    }
    for text in [
        "(".repeat(100_000),
        "NOT ".repeat(100_000),
        "NOT (".repeat(100_000),
    ] {
        assert!(parse_search(&text, Form::Query).is_err());
    }
    assert!(parse_option(&format!("$expand={}", "A($expand=".repeat(100_000))).is_err());
    assert!(parse_expr(&format!("{}1{}", "(".repeat(8), ")".repeat(8)), Form::Query).is_ok());
    let wide = vec!["a eq 1"; 2_000].join(" or ");
    assert!(parse_expr(&wide, Form::Text).is_ok());
}

#[test]
fn precedence_is_that_of_the_standard() {
    let tree = |text| parse_expr(text, Form::Text).unwrap();
    assert_eq!(tree("a or b and c"), tree("a or (b and c)"));
    assert_eq!(tree("not a eq b"), tree("(not a) eq b"));
    assert_eq!(tree("1 add 2 mul 3 eq 7"), tree("(1 add (2 mul 3)) eq 7"));
    assert_eq!(tree("1 sub 2 sub 3"), tree("(1 sub 2) sub 3"));
    assert_ne!(tree("1 sub (2 sub 3)"), tree("1 sub 2 sub 3"));
    assert_eq!(tree("(a and b) and c").to_string(), "(a and b) and c");
}

#[test]
fn text_and_url_say_the_same() {
    let expr = parse_expr("name eq 'O''Neil & 50% + Söhne/Co #1'", Form::Text).unwrap();
    let url = to_query(&expr);
    assert!(!url.contains([' ', '&', '#', '+', 'ö']), "{url}");
    assert_eq!(parse_expr(&url, Form::Query).unwrap(), expr);
}

const TEXTS: &[&str] = &[
    "a eq 1 and not (b ne null or c lt 2.5e3)",
    "contains(tolower(name),'x') or startswith(a/b,'y') and length(trim(z)) ge 3",
    "lines/any(l:l/qty gt 5 and l/kind has Ns.Kind'A,B') and lines/all(l:l/ok)",
    "a in (1,2,3) and b in ('x','y') and c in @p and d in [\"x\",null]",
    "-a add -(1) mul (b sub c) divby 2 mod 3 gt 0",
    "$it/a eq $root/Things(1)/b and $this eq @p/c",
    "t eq 2020-02-03T10:20:30.123Z and d eq 2020-02-03 and h eq 10:20:30",
    "u eq 01234567-89ab-cdef-0123-456789abcdef and p eq duration'P1DT2H'",
    "x eq binary'Zm9v' and y eq {\"a\":[1,\"b\\\"\",{}]}",
    "Items/$count($filter=a eq 1;$search=x y) gt 2 and Items/$filter(a eq 1)(ID='x')/b eq 1",
    "Ns.Fn(p=1,q='x')/r eq case(a gt 0 : 1,true : 0)",
    "@Core.Messages/any(m:m/severity eq 'error') and Price/@Currency#Rep eq 'EUR'",
];

#[test]
fn printed_expressions_read_back_to_the_same_tree() {
    for text in TEXTS {
        let tree = parse_expr(text, Form::Text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let printed = tree.to_string();
        assert_eq!(parse_expr(&printed, Form::Text).unwrap(), tree, "{printed}");
        let url = to_query(&tree);
        assert_eq!(parse_expr(&url, Form::Query).unwrap(), tree, "{url}");
    }
}

#[test]
fn printed_options_read_back_to_the_same_tree() {
    let text = "$filter=a%20eq%201&$select=a,b/c,N.*,*,d($select=e;$top=3),f(x,y),@N.T%23q&$expand=*,a/*/$ref,b/$ref,\
        c/$count($search=x),d($expand=e($levels=max);$orderby=f%20desc,g;$skip=1;$count=true;@p=1),$value\
        &$orderby=a%20desc,length(b)&$top=5&$skip=10&$count=true&$search=(a%20OR%20%22b%20c%22)%20AND%20NOT%20d\
        &$format=json&$skiptoken=a@b:c&$compute=a%20add%20b%20as%20c&@p=[1,2]&x=y%26z&flag";
    let options = parse_options(text).unwrap();
    assert_eq!(options.len(), 14);
    assert_eq!(parse_options(&to_query_string(&options)).unwrap(), options);
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(|number| Literal::Number(number.to_string())),
        any::<u128>().prop_map(|id| Literal::Guid(uuid::Uuid::from_u128(id))),
        ".{0,12}".prop_map(Literal::Text),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Literal::Binary),
        (0u32..99_999).prop_map(|ticks| Literal::Duration(format!("PT{ticks}S"))),
        (0u8..24, 0u8..60).prop_map(|(h, m)| Literal::Time(format!("{h:02}:{m:02}"))),
    ]
}

fn names() -> impl Strategy<Value = String> {
    "[a-z_][a-zA-Z0-9_]{0,8}".prop_filter("no words of the grammar", |name| {
        Method::by_name(name).is_none() && !is_word(name)
    })
}

fn is_word(name: &str) -> bool {
    [
        "any", "all", "not", "true", "false", "null", "cast", "isof", "case",
    ]
    .iter()
    .any(|word| word.eq_ignore_ascii_case(name))
}

fn exprs() -> impl Strategy<Value = Expr> {
    let path = names().prop_map(|name| {
        Expr::Path(Path {
            start: Start::Here,
            segments: vec![Segment::Name(name, None)],
        })
    });
    let leaf = prop_oneof![literals().prop_map(Expr::Literal), path];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let many = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            many.clone().prop_map(Expr::And),
            many.clone().prop_map(Expr::Or),
            many.prop_map(Expr::Array),
            inner.clone().prop_map(|one| Expr::Not(Box::new(one))),
            inner.clone().prop_map(|one| Expr::Negate(Box::new(one))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Compare(
                Comparison::Le,
                Box::new(a),
                Box::new(b)
            )),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Calculate(
                Calculation::Sub,
                Box::new(a),
                Box::new(b)
            )),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Calculate(
                Calculation::DivBy,
                Box::new(a),
                Box::new(b)
            )),
            (inner.clone(), proptest::collection::vec(literals(), 0..3))
                .prop_map(|(a, list)| Expr::In(Box::new(a), Box::new(Expr::List(list)))),
            (names(), names(), inner.clone()).prop_map(|(collection, variable, condition)| {
                Expr::Path(Path {
                    start: Start::Here,
                    segments: vec![
                        Segment::Name(collection, None),
                        Segment::Any(Some(Lambda {
                            variable,
                            condition: Box::new(condition),
                        })),
                    ],
                })
            }),
            (inner.clone(), inner).prop_map(|(a, b)| Expr::Method(Method::Concat, vec![a, b])),
        ]
    })
}

proptest! {
    #[test]
    fn every_tree_survives_text_and_url(expr in exprs()) {
        let text = expr.to_string();
        prop_assert_eq!(&parse_expr(&text, Form::Text).unwrap(), &expr, "{}", text);
        let url = to_query(&expr);
        prop_assert_eq!(&parse_expr(&url, Form::Query).unwrap(), &expr, "{}", url);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[ -~%'()\\[\\]{}\"éΔ\\t$@/,;:=]{0,60}", other in ".{0,40}") {
        for text in [&text, &other] {
            for form in [Form::Path, Form::Query, Form::Text] {
                let _ = parse_expr(text, form);
                let _ = parse_search(text, form);
                let _ = parse_key(text, form);
                let _ = parse_literal(text, form);
            }
            let _ = parse_options(text);
            for name in ["select", "expand", "orderby", "filter"] {
                let _ = parse_option_value(name, text, Form::Query);
            }
            for rule in ["header", "preference", "primitiveValue", "queryOptions", "uri", "notExpr"] {
                let _ = conformance::check(rule, text);
            }
        }
    }
}
