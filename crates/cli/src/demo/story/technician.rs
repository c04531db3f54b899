//! A technician in a basement, without a network.

use driftless_record::{Value, time::DateTime};

use crate::demo::crm::{self, Cast, choice, fields, title, to};
use crate::demo::device::Device;
use crate::demo::made::Fate;
use crate::demo::teller::Teller;
use crate::error::CliError;

/// The technician's work.
pub(in crate::demo) fn technician(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    new_case(device, cast, teller)?;
    known_records(device, cast, teller)
}

/// A case with its conversation and a visit.
fn new_case(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    let me = to("User", &crm::user(&device.engine, device.person.user)?.id)?;
    let customer = title(&device.engine, &cast.customer)?;
    let case = device.create(
        "Case",
        fields([
            ("subject", Value::text("Bearing noise on the second pump")),
            ("status", choice("new")),
            ("priority", choice("high")),
            ("category_id", to("CaseCategory", &cast.category.id)?),
            ("account_id", to("Account", &cast.customer.id)?),
            ("product_id", to("Product", &cast.product.id)?),
            ("origin", choice("visit")),
            ("owner_id", me.clone()),
        ])?,
    )?;
    for text in [
        "The second pump makes a grinding noise at full load.",
        "Bearing replaced from the van stock; vibration is back to normal.",
    ] {
        device.create(
            "CaseMessage",
            fields([
                ("case_id", to("Case", &case)?),
                ("text", Value::text(text)),
                ("author", Value::text(device.person.name)),
                ("user_id", me.clone()),
                ("is_internal", Value::Bool(false)),
            ])?,
        )?;
    }
    teller.say(&format!(
        "opens a case for {customer} and writes two messages in it"
    ));
    device.create(
        "ServiceVisit",
        fields([
            ("name", Value::text(format!("Repair, {customer}"))),
            ("account_id", to("Account", &cast.customer.id)?),
            ("case_id", to("Case", &case)?),
            ("status", choice("on_site")),
            ("distance_km", Value::double(12.5)),
            ("owner_id", me),
        ])?,
    )?;
    teller.say("notes the visit that belongs to it");
    Ok(())
}

/// Edits and a delete of records that were downloaded, and a record that is thrown away at once.
fn known_records(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    let name = |record| title(&device.engine, record);
    let (case, account) = (name(&cast.case)?, name(&cast.account)?);
    let (customer, task) = (name(&cast.customer)?, name(&cast.task)?);
    let done: DateTime = "2026-07-01T14:30:00Z"
        .parse()
        .map_err(|_| CliError::failed("demo", "a date of the story is not valid"))?;
    device.update(
        &cast.case,
        fields([("status", choice("waiting"))])?,
        Fate::Applied,
    )?;
    device.update(
        &cast.case,
        fields([
            ("status", choice("resolved")),
            ("resolved_at", Value::DateTime(done)),
        ])?,
        Fate::Applied,
    )?;
    teller.say(&format!(
        "lets the case \"{case}\" wait for the customer, then resolves it: each step counts"
    ));
    device.update(
        &cast.account,
        fields([("email", Value::text("workshop@customer.example"))])?,
        Fate::Applied,
    )?;
    teller.say(&format!(
        "changes the email of {account} (the seller changed its phone)"
    ));
    device.update(
        &cast.customer,
        fields([("phone", Value::text("+49 40 5550 201"))])?,
        Fate::Applied,
    )?;
    teller.say(&format!(
        "changes the phone of {customer} (so did the seller, a little earlier)"
    ));
    device.delete("Task", &cast.task.id)?;
    teller.say(&format!("deletes the task \"{task}\" (the seller changed it)"));
    device.try_out(
        "Task",
        fields([
            ("subject", Value::text("Order a bearing")),
            ("status", choice("open")),
        ])?,
    )?;
    teller.say("makes a task and throws it away again, which is nobody else's business");
    Ok(())
}
