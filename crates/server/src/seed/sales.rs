//! Accounts, contacts, leads, opportunities, products and competitors.

use super::companies::{RIVALS, ROOTS, STRENGTHS, TRADES, WEAKNESSES};
use super::directory::{person, phone, slug};
use super::people::TITLES;
use super::plan::Plan;
use super::rng::Rng;
use super::row::SeedRow;
use super::words::{FAMILIES, PLACES, Place, STREETS};

/// Returns the name of an account and its industry. Names repeat only beyond 3,440 accounts, then with a place.
pub(super) fn company(n: usize) -> (String, &'static str) {
    // A stride without common factor walks through all pairs before one repeats.
    let pairs = ROOTS.len() * TRADES.len();
    let at = n * 1_471 % pairs;
    let (root, (trade, industry)) = (ROOTS[at % ROOTS.len()], TRADES[at / ROOTS.len()]);
    let name = match n / pairs {
        0 => format!("{root} {trade}"),
        round => format!("{root} {trade} {}", PLACES[(round + n) % PLACES.len()].city),
    };
    (name, industry)
}

pub(super) fn place_of(account: usize) -> &'static Place {
    Rng::of("Account", account, 3).pick(PLACES)
}

fn street(rng: &mut Rng) -> String {
    format!("{} {}", rng.pick(STREETS), rng.between(1, 180))
}

pub(super) fn account(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Account", n, 0);
    let (name, industry) = company(n);
    let place = place_of(n);
    let host = slug(&name);
    let employees = rng.between(2, 40) * rng.between(1, 25);
    let row = SeedRow::new("Account", n, 1300)
        .text("number", format!("ACC-{:06}", n + 1))
        .choice(
            "category",
            rng.skewed(&["customer", "prospect", "partner", "supplier"]),
        )
        .choice("industry", industry)
        .text("website", format!("https://www.{host}.example"))
        .text("email", format!("office@{host}.example"))
        .text("phone", phone(&mut rng, place.phone))
        .text("street", street(&mut rng))
        .text("city", place.city)
        .text("postal_code", phone(&mut rng, place.postal))
        .text("country", place.country)
        .int("employees", employees)
        .decimal("revenue", employees * rng.between(60_000, 240_000) * 100, 2)
        .lookup("currency_id", "Currency", place.currency)
        .flag("credit_hold", rng.percent(3))
        .lookup("owner_id", "User", rng.below(plan.users))
        .text("name", name);
    if n >= 20 && rng.percent(8) {
        row.lookup("parent_id", "Account", rng.below(n / 2))
    } else {
        row
    }
}

/// Returns the account of a contact: the first contacts go round all accounts, so that each has one.
fn account_of(plan: &Plan, contact: usize) -> Option<usize> {
    let skewed = Rng::of("Contact", contact, 4).below(plan.accounts);
    match plan.accounts {
        0 => None,
        accounts if contact < accounts => Some(contact),
        _ => Some(skewed),
    }
}

/// Returns a contact of an account.
pub(super) fn contact_of(plan: &Plan, account: usize) -> Option<usize> {
    (account < plan.contacts).then_some(account)
}

pub(super) fn contact_name(n: usize) -> (&'static str, &'static str) {
    person(&mut Rng::of("Contact", n, 3))
}

pub(super) fn contact(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Contact", n, 0);
    let (first, last) = contact_name(n);
    let account = account_of(plan, n);
    let place = account.map_or(PLACES[n % PLACES.len()], place_of);
    let host = account.map_or_else(|| "mail".to_owned(), |account| slug(&company(account).0));
    let mut row = SeedRow::new("Contact", n, 1200)
        .text("first_name", first)
        .text("last_name", last)
        .text("full_name", format!("{first} {last}"))
        .text("title", rng.pick(TITLES))
        .text("email", format!("{}.{}@{host}.example", slug(first), slug(last)))
        .text("phone", phone(&mut rng, place.phone))
        .text("city", place.city)
        .text("country", place.country)
        .flag("do_not_call", rng.percent(7))
        .lookup("owner_id", "User", rng.below(plan.users));
    if rng.percent(60) {
        row = row.text("mobile", phone(&mut rng, place.phone));
    }
    if rng.percent(40) {
        row = row.date(
            "birthday",
            rng.between(1958, 2003),
            rng.between(1, 12),
            rng.between(1, 28),
        );
    }
    if rng.percent(50) {
        let topics = ["newsletter", "events", "training", "beta"];
        row = row.choices("interests", vec![rng.pick(&topics), rng.pick(&topics)]);
    }
    match account {
        Some(account) => row.lookup("account_id", "Account", account),
        None => row,
    }
}

pub(super) fn lead(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Lead", n, 0);
    // Leads are companies that are not accounts yet: names from the far end of the list.
    let (company, industry) = company(1_000_003 + n);
    let place = rng.pick(PLACES);
    let (first, last) = person(&mut rng);
    let (_, what, _) = rng.pick(FAMILIES);
    SeedRow::new("Lead", n, 300)
        .text("subject", format!("{what}s for {company}"))
        .text("full_name", format!("{first} {last}"))
        .text("email", format!("{}@{}.example", slug(last), slug(&company)))
        .text("phone", phone(&mut rng, place.phone))
        .text("city", place.city)
        .text("country", place.country)
        .choice("industry", industry)
        .choice(
            "source",
            rng.skewed(&[
                "web",
                "referral",
                "trade_show",
                "campaign",
                "cold_call",
                "partner",
            ]),
        )
        .choice(
            "status",
            rng.skewed(&["new", "contacted", "qualified", "disqualified"]),
        )
        .decimal("estimated_value", rng.between(8, 900) * 50_000, 2)
        .lookup("currency_id", "Currency", place.currency)
        .int("score", rng.between(5, 95))
        .lookup("owner_id", "User", rng.below(plan.users))
        .text("company", company)
}

pub(super) fn opportunity(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Opportunity", n, 0);
    let account = rng.below(plan.accounts);
    let (_, what, _) = rng.pick(FAMILIES);
    let project = rng.pick(&[
        "Replacement",
        "New line",
        "Extension",
        "Framework contract",
        "Retrofit",
        "Pilot",
    ]);
    let status = rng.skewed(&["open", "open", "won", "lost"]);
    let stage = rng.pick(&["qualify", "develop", "propose", "close"]);
    let mut row = SeedRow::new("Opportunity", n, 500)
        .text(
            "name",
            format!("{project}: {}s, {}", what.to_lowercase(), company(account).0),
        )
        .lookup("account_id", "Account", account)
        .choice("stage", if status == "open" { stage } else { "close" })
        .choice("status", status)
        .int("probability", rng.between(1, 19) * 5)
        .decimal("estimated_value", rng.between(10, 2_500) * 50_000, 2)
        .lookup("currency_id", "Currency", place_of(account).currency)
        .date("close_date", 2026, rng.between(1, 12), rng.between(1, 28))
        .lookup("owner_id", "User", rng.below(plan.users));
    if let Some(contact) = contact_of(plan, account) {
        row = row.lookup("contact_id", "Contact", contact);
    }
    if plan.competitors > 0 && rng.percent(30) {
        row = row.lookup("competitor_id", "Competitor", rng.below(plan.competitors));
    }
    row
}

/// Returns name, code and price in cents of a product.
pub(super) fn product_facts(n: usize) -> (String, String, i64) {
    let (_, what, prefix) = FAMILIES[n % FAMILIES.len()];
    let size = 10 * (1 + i64::try_from(n / FAMILIES.len()).unwrap_or(0));
    let price = Rng::of("Product", n, 3).between(180, 900) * 100 + size * 350;
    (
        format!("{what} {prefix} {size}"),
        format!("{prefix}-{size:04}"),
        price,
    )
}

pub(super) fn product(_: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Product", n, 0);
    let (name, code, price) = product_facts(n);
    SeedRow::new("Product", n, 1300)
        .text("name", name)
        .text("code", code)
        .choice("family", FAMILIES[n % FAMILIES.len()].0)
        .decimal("price", price, 2)
        .lookup("currency_id", "Currency", 0)
        .decimal("stock", rng.between(0, 400) * 1000, 3)
        .set(
            "weight",
            driftless_record::Value::double(f64::from(u16::try_from(rng.between(4, 900)).unwrap_or(4)) / 4.0),
        )
        .flag("is_active", !rng.percent(6))
}

pub(super) fn line(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("OpportunityProduct", n, 0);
    let opportunity = n * plan.opportunities / plan.lines.max(1);
    let product = rng.below(plan.products);
    let (name, _, price) = product_facts(product);
    let quantity = rng.between(1, 24);
    let discount = rng.skewed(&["0", "5", "10", "15"]).parse().unwrap_or(0);
    let account = Rng::of("Opportunity", opportunity, 0).below(plan.accounts);
    SeedRow::new("OpportunityProduct", n, 480)
        .text("name", format!("{quantity} × {name}"))
        .lookup("opportunity_id", "Opportunity", opportunity)
        .lookup("product_id", "Product", product)
        .decimal("quantity", quantity * 1000, 3)
        .decimal("unit_price", price, 2)
        .decimal("discount", discount * 100, 2)
        .decimal("amount", quantity * price * (100 - discount) / 100, 2)
        .lookup("currency_id", "Currency", place_of(account).currency)
}

pub(super) fn competitor(_: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Competitor", n, 0);
    let name = RIVALS[n % RIVALS.len()];
    SeedRow::new("Competitor", n, 1300)
        .text("name", name)
        .text("website", format!("https://www.{}.example", slug(name)))
        .text("strengths", rng.pick(STRENGTHS))
        .text("weaknesses", rng.pick(WEAKNESSES))
}

pub(super) fn competitor_address(_: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("CompetitorAddress", n, 0);
    let place = rng.pick(PLACES);
    let kind = if n.is_multiple_of(2) {
        "Head office"
    } else {
        "Branch"
    };
    SeedRow::new("CompetitorAddress", n, 1300)
        .text("name", format!("{kind} {}", place.city))
        .lookup("competitor_id", "Competitor", n / 2)
        .text("street", street(&mut rng))
        .text("city", place.city)
        .text("postal_code", phone(&mut rng, place.postal))
        .text("country", place.country)
        .text("phone", phone(&mut rng, place.phone))
}
