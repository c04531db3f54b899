//! The whole data set, parents before children.

use super::plan::Plan;
use super::row::SeedRow;
use super::{activities, directory, sales, service};

/// One row of an entity, made from the plan and its number.
type Maker = fn(&Plan, usize) -> SeedRow;

/// Gives every row of a data set of `count` rows to `take`, parents before children. A data set has at least the few
/// dozen rows that all others point to.
///
/// # Errors
/// The first error of `take`, which ends the run.
pub fn generate<E>(count: usize, mut take: impl FnMut(SeedRow) -> Result<(), E>) -> Result<(), E> {
    let plan = Plan::new(count);
    let parts: [(usize, Maker); 24] = [
        (plan.business_units, directory::business_unit),
        (plan.positions, directory::position),
        (plan.currencies, directory::currency),
        (plan.teams, directory::team),
        (plan.users, directory::user),
        (plan.categories, service::category),
        (plan.roles, service::role),
        (plan.products, sales::product),
        (plan.competitors, sales::competitor),
        (plan.competitor_addresses, sales::competitor_address),
        (plan.accounts, sales::account),
        (plan.contacts, sales::contact),
        (plan.leads, sales::lead),
        (plan.opportunities, sales::opportunity),
        (plan.lines, sales::line),
        (plan.cases, service::case),
        (plan.messages, service::message),
        (plan.attachments, service::attachment),
        (plan.visits, service::visit),
        (plan.connections, service::connection),
        (plan.tasks, activities::task),
        (plan.appointments, activities::appointment),
        (plan.emails, activities::email),
        (plan.phone_calls, activities::phone_call),
    ];
    for (rows, make) in parts {
        for n in 0..rows {
            take(make(&plan, n))?;
        }
    }
    Ok(())
}
