//! A field seller at a customer's site, without a network.

use driftless_record::{RecordId, Value};

use crate::demo::crm::{self, Cast, choice, fields, title, to};
use crate::demo::device::Device;
use crate::demo::made::Fate;
use crate::demo::teller::Teller;
use crate::error::CliError;

/// The seller's work.
pub(in crate::demo) fn seller(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    new_customer(device, cast, teller)?;
    known_customers(device, cast, teller)
}

/// An account with contact, opportunity, product line and task: every one points to the one before.
fn new_customer(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    let owner = to("User", &crm::user(&device.engine, device.person.user)?.id)?;
    let account = device.create(
        "Account",
        fields([
            ("name", Value::text("Fjordline Marine Services")),
            ("category", choice("prospect")),
            ("industry", choice("logistics")),
            ("city", Value::text("Bergen")),
            ("country", Value::text("Norway")),
            ("phone", Value::text("+47 55 01 42 80")),
            ("employees", Value::Int(140)),
            ("owner_id", owner.clone()),
        ])?,
    )?;
    teller.say("creates the account Fjordline Marine Services");
    let contact = device.create(
        "Contact",
        fields([
            ("first_name", Value::text("Ingrid")),
            ("last_name", Value::text("Solberg")),
            ("full_name", Value::text("Ingrid Solberg")),
            ("title", Value::text("Head of maintenance")),
            ("account_id", to("Account", &account)?),
            ("owner_id", owner.clone()),
        ])?,
    )?;
    teller.say("creates the contact Ingrid Solberg at Fjordline, which the server does not know yet");
    let opportunity = deal(device, cast, &account, &contact, owner.clone())?;
    teller.say("creates an opportunity with a product line, for both of them");
    device.create(
        "Task",
        fields([
            ("subject", Value::text("Send the offer to Ingrid Solberg")),
            ("status", choice("open")),
            ("priority", choice("high")),
            ("opportunity_id", to("Opportunity", &opportunity)?),
            ("owner_id", owner),
        ])?,
    )?;
    teller.say("creates a task to follow it up");
    Ok(())
}

fn deal(
    device: &mut Device,
    cast: &Cast,
    account: &RecordId,
    contact: &RecordId,
    owner: Value,
) -> Result<RecordId, CliError> {
    let product = title(&device.engine, &cast.product)?;
    let opportunity = device.create(
        "Opportunity",
        fields([
            ("name", Value::text("Pilot: pumps, Fjordline Marine Services")),
            ("account_id", to("Account", account)?),
            ("contact_id", to("Contact", contact)?),
            ("stage", choice("qualify")),
            ("status", choice("open")),
            ("probability", Value::Int(30)),
            ("currency_id", to("Currency", &cast.currency.id)?),
            ("owner_id", owner),
        ])?,
    )?;
    device.create(
        "OpportunityProduct",
        fields([
            ("name", Value::text(format!("4 × {product}"))),
            ("opportunity_id", to("Opportunity", &opportunity)?),
            ("product_id", to("Product", &cast.product.id)?),
            ("quantity", Value::Decimal(4.into())),
        ])?,
    )?;
    Ok(opportunity)
}

/// Edits and a delete of records that were downloaded.
fn known_customers(device: &mut Device, cast: &Cast, teller: Teller) -> Result<(), CliError> {
    let name = |record| title(&device.engine, record);
    let (opportunity, account) = (name(&cast.opportunity)?, name(&cast.account)?);
    let (customer, task, lead) = (name(&cast.customer)?, name(&cast.task)?, name(&cast.lead)?);
    device.update(
        &cast.opportunity,
        fields([("stage", choice("propose"))])?,
        Fate::Applied,
    )?;
    device.update(
        &cast.opportunity,
        fields([("stage", choice("close")), ("probability", Value::Int(85))])?,
        Fate::Applied,
    )?;
    teller.say(&format!(
        "moves \"{opportunity}\" to propose, then to close: each step counts"
    ));
    device.update(
        &cast.account,
        fields([("phone", Value::text("+49 40 5550 117"))])?,
        Fate::Applied,
    )?;
    teller.say(&format!("changes the phone of {account}"));
    device.update(
        &cast.customer,
        fields([("phone", Value::text("+49 40 5550 200"))])?,
        Fate::GivesWay,
    )?;
    teller.say(&format!("changes the phone of {customer}"));
    device.update(
        &cast.task,
        fields([
            ("priority", choice("urgent")),
            ("description", Value::text("The customer asks for it by Friday.")),
        ])?,
        Fate::Waits,
    )?;
    teller.say(&format!("changes the task \"{task}\""));
    device.delete("Lead", &cast.lead.id)?;
    teller.say(&format!("deletes the lead \"{lead}\""));
    Ok(())
}
