//! Cases with categories and conversations, visits, attachments and connections.

use super::plan::Plan;
use super::rng::Rng;
use super::row::SeedRow;
use super::sales::{company, contact_name, contact_of, product_facts};
use super::topics::{CATEGORIES, TOPICS, Topic};

const STATES: [&str; 5] = ["new", "in_progress", "waiting", "resolved", "canceled"];

pub(super) fn category(_: &Plan, n: usize) -> SeedRow {
    let (name, hours) = CATEGORIES[n];
    let row = SeedRow::new("CaseCategory", n, 1300)
        .text("name", name)
        .int("response_hours", hours);
    if (1..=3).contains(&n) {
        row.lookup("parent_id", "CaseCategory", 0)
    } else {
        row
    }
}

pub(super) fn role(_: &Plan, n: usize) -> SeedRow {
    let roles = [
        ("Decision maker", "business"),
        ("Influencer", "business"),
        ("Colleague", "business"),
        ("Former employee", "business"),
        ("Consultant", "business"),
        ("Spouse", "family"),
        ("Sibling", "family"),
        ("Friend", "social"),
    ];
    let (name, kind) = roles[n];
    SeedRow::new("ConnectionRole", n, 1300)
        .text("name", name)
        .choice("category", kind)
}

/// What a case is about, known without its row.
struct CaseFacts {
    topic: &'static Topic,
    product: Option<usize>,
    account: usize,
}

fn facts(plan: &Plan, n: usize) -> CaseFacts {
    let mut rng = Rng::of("Case", n, 3);
    CaseFacts {
        topic: rng.pick(TOPICS),
        product: (plan.products > 0).then(|| rng.below(plan.products)),
        account: rng.below(plan.accounts),
    }
}

fn about(facts: &CaseFacts, text: &str) -> String {
    let product = facts
        .product
        .map_or_else(|| "unit".to_owned(), |n| product_facts(n).0);
    text.replace("{}", &product)
}

pub(super) fn case_subject(plan: &Plan, n: usize) -> String {
    let facts = facts(plan, n);
    about(&facts, facts.topic.subject)
}

/// Returns the account of a case.
pub(super) fn case_account(plan: &Plan, n: usize) -> usize {
    facts(plan, n).account
}

pub(super) fn case(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Case", n, 0);
    let facts = facts(plan, n);
    let status = rng.pick(&STATES);
    let day = -rng.between(2, 360);
    let mut row = SeedRow::new("Case", n, 400)
        .text("number", format!("CAS-{:06}", n + 1))
        .text("subject", about(&facts, facts.topic.subject))
        .choice("status", status)
        .choice("priority", rng.skewed(&["normal", "low", "high", "urgent"]))
        .lookup("category_id", "CaseCategory", facts.topic.category)
        .lookup("account_id", "Account", facts.account)
        .choice("origin", rng.pick(&["phone", "email", "web", "visit"]))
        .time("due_at", day + 5, 61_200)
        .text("description", about(&facts, facts.topic.messages[0]))
        .lookup("owner_id", "User", rng.below(plan.users));
    if let Some(product) = facts.product {
        row = row.lookup("product_id", "Product", product);
    }
    if let Some(contact) = contact_of(plan, facts.account) {
        row = row.lookup("contact_id", "Contact", contact);
    }
    if status == "resolved" {
        row = row.time(
            "resolved_at",
            day + rng.between(1, 9).min(-day),
            rng.between(28_800, 61_200),
        );
    }
    row
}

/// Spreads messages over cases in order, so that each conversation is told from its beginning.
pub(super) fn message(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("CaseMessage", n, 0);
    let case = n * plan.cases / plan.messages.max(1);
    let first = (case * plan.messages).div_ceil(plan.cases.max(1));
    let turn = n.saturating_sub(first);
    let facts = facts(plan, case);
    let text = about(&facts, facts.topic.messages[turn % facts.topic.messages.len()]);
    let day = -Rng::of("Case", case, 5).between(2, 360);
    let row = SeedRow::new("CaseMessage", n, 400)
        .lookup("case_id", "Case", case)
        .text("text", text)
        .flag("is_internal", false)
        .time(
            "sent_at",
            day,
            28_800 + 3_600 * i64::try_from(turn).unwrap_or(0) + rng.between(0, 3_000),
        );
    if turn.is_multiple_of(2) {
        match contact_of(plan, facts.account) {
            Some(contact) => {
                let (first, last) = contact_name(contact);
                row.text("author", format!("{first} {last}"))
                    .lookup("contact_id", "Contact", contact)
            }
            None => row.text("author", company(facts.account).0),
        }
    } else {
        row.text("author", "Customer Care")
            .lookup("user_id", "User", rng.below(plan.users))
    }
}

pub(super) fn attachment(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Attachment", n, 0);
    let (name, media_type) = rng.pick(&[
        &("nameplate", "image/jpeg"),
        &("service-record", "application/pdf"),
        &("leak", "image/jpeg"),
        &("noise", "audio/mp4"),
        &("delivery-note", "application/pdf"),
    ]);
    let ending = match *media_type {
        "image/jpeg" => "jpg",
        "audio/mp4" => "m4a",
        _ => "pdf",
    };
    SeedRow::new("Attachment", n, 350)
        .text("name", format!("{name}-{}.{ending}", n + 1))
        .lookup("case_id", "Case", rng.below(plan.cases))
        .text("media_type", *media_type)
        .int("size", rng.between(20_000, 4_000_000))
        .lookup("owner_id", "User", rng.below(plan.users))
}

pub(super) fn visit(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("ServiceVisit", n, 0);
    let case = rng.below(plan.cases);
    let account = case_account(plan, case);
    let status = rng.pick(&["planned", "planned", "done", "done", "on_site", "canceled"]);
    let day = if status == "planned" {
        rng.between(1, 40)
    } else {
        -rng.between(1, 200)
    };
    let row = SeedRow::new("ServiceVisit", n, 200)
        .text(
            "name",
            format!(
                "{}, {}",
                rng.pick(&["Repair", "Inspection", "Maintenance"]),
                company(account).0
            ),
        )
        .lookup("account_id", "Account", account)
        .lookup("case_id", "Case", case)
        .choice("status", status)
        .time("planned_at", day, rng.between(14, 32) * 1_800)
        .minutes("duration", rng.between(2, 16) * 15)
        .set(
            "distance_km",
            driftless_record::Value::double(
                f64::from(u16::try_from(rng.between(8, 2_400)).unwrap_or(8)) / 8.0,
            ),
        )
        .lookup("owner_id", "User", rng.below(plan.users))
        .text("notes", case_subject(plan, case));
    match (status, contact_of(plan, account)) {
        ("done", Some(contact)) => {
            let (first, last) = contact_name(contact);
            row.text("signed_by", format!("{first} {last}"))
        }
        _ => row,
    }
}

pub(super) fn connection(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Connection", n, 0);
    let contact = rng.below(plan.contacts);
    let account = rng.below(plan.accounts);
    let (first, last) = contact_name(contact);
    SeedRow::new("Connection", n, 800)
        .text("name", format!("{first} {last}, {}", company(account).0))
        .lookup("contact_id", "Contact", contact)
        .lookup("account_id", "Account", account)
        .lookup("role_id", "ConnectionRole", rng.below(plan.roles))
}
