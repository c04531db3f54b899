//! Tasks, appointments, mails and phone calls about accounts, cases and opportunities.

use super::directory::slug;
use super::plan::Plan;
use super::rng::Rng;
use super::row::SeedRow;
use super::sales::{company, contact_name, contact_of, place_of};
use super::service::{case_account, case_subject};

/// What an activity is about.
struct About {
    account: usize,
    case: Option<usize>,
    subject: String,
}

fn about(plan: &Plan, rng: &mut Rng, occasions: &[&str]) -> About {
    if plan.cases > 0 && rng.percent(45) {
        let case = rng.below(plan.cases);
        let subject = format!(
            "{}: {}",
            rng.pick(&["Follow up", "Clarify", "Answer"]),
            case_subject(plan, case)
        );
        return About {
            account: case_account(plan, case),
            case: Some(case),
            subject,
        };
    }
    let account = rng.below(plan.accounts);
    About {
        account,
        case: None,
        subject: format!("{} {}", rng.pick(occasions), company(account).0),
    }
}

fn begin(plan: &Plan, rng: &mut Rng, entity: &'static str, n: usize, about: &About) -> SeedRow {
    let day = rng.between(-240, 45);
    let status = if day < 0 {
        rng.skewed(&["completed", "completed", "canceled"])
    } else {
        rng.pick(&["open", "scheduled"])
    };
    let hour = rng.between(16, 34) * 1_800;
    let row = SeedRow::new(entity, n, 280)
        .text("subject", about.subject.as_str())
        .choice("status", status)
        .choice("priority", rng.skewed(&["normal", "high", "low", "urgent"]))
        .lookup("account_id", "Account", about.account)
        .time("start_at", day, hour)
        .time("due_at", day, hour + 3_600)
        .lookup("owner_id", "User", rng.below(plan.users));
    match about.case {
        Some(case) => row.lookup("case_id", "Case", case),
        None => row,
    }
}

pub(super) fn task(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Task", n, 0);
    let about = about(
        plan,
        &mut rng,
        &[
            "Prepare the offer for",
            "Check the credit limit of",
            "Send the contract to",
            "Plan the next visit at",
        ],
    );
    let row = begin(plan, &mut rng, "Task", n, &about).int("percent_complete", rng.between(0, 4) * 25);
    if about.case.is_none() && plan.opportunities > 0 && rng.percent(20) {
        row.lookup("opportunity_id", "Opportunity", rng.below(plan.opportunities))
    } else {
        row
    }
}

pub(super) fn appointment(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Appointment", n, 0);
    let about = about(
        plan,
        &mut rng,
        &[
            "Annual review with",
            "Product demonstration at",
            "Site survey at",
            "Lunch with",
        ],
    );
    let row = begin(plan, &mut rng, "Appointment", n, &about)
        .text(
            "location",
            format!("{}, {}", company(about.account).0, place_of(about.account).city),
        )
        .flag("is_all_day", rng.percent(5));
    with_contact(plan, row, about.account)
}

pub(super) fn email(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("Email", n, 0);
    let about = about(
        plan,
        &mut rng,
        &[
            "Offer for",
            "Order confirmation for",
            "Questions from",
            "Price list for",
        ],
    );
    let outgoing = rng.percent(55);
    let us = "service@driftworks.example".to_owned();
    let them = format!("office@{}.example", slug(&company(about.account).0));
    let (from, to) = if outgoing { (us, them) } else { (them, us) };
    let row = begin(plan, &mut rng, "Email", n, &about)
        .flag("is_outgoing", outgoing)
        .text("sender", from)
        .text("recipients", to);
    with_contact(plan, row, about.account)
}

pub(super) fn phone_call(plan: &Plan, n: usize) -> SeedRow {
    let mut rng = Rng::of("PhoneCall", n, 0);
    let about = about(
        plan,
        &mut rng,
        &[
            "Call back",
            "Agree on a date with",
            "Ask for feedback at",
            "Introduce the new range to",
        ],
    );
    let row = begin(plan, &mut rng, "PhoneCall", n, &about)
        .text(
            "phone",
            super::directory::phone(&mut rng, place_of(about.account).phone),
        )
        .flag("is_outgoing", rng.percent(60))
        .minutes("duration", rng.between(1, 40));
    with_contact(plan, row, about.account)
}

fn with_contact(plan: &Plan, row: SeedRow, account: usize) -> SeedRow {
    match contact_of(plan, account) {
        Some(contact) => {
            let (first, last) = contact_name(contact);
            let text = format!("With {first} {last}");
            row.lookup("contact_id", "Contact", contact)
                .text("description", text)
        }
        None => row,
    }
}
