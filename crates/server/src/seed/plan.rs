//! How many rows of each entity make up a data set.

/// The number of rows of each entity; each field is named after its entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub business_units: usize,
    pub positions: usize,
    pub currencies: usize,
    pub teams: usize,
    pub users: usize,
    pub categories: usize,
    pub roles: usize,
    pub products: usize,
    pub competitors: usize,
    pub competitor_addresses: usize,
    pub accounts: usize,
    pub contacts: usize,
    pub leads: usize,
    pub opportunities: usize,
    pub lines: usize,
    pub cases: usize,
    pub messages: usize,
    pub attachments: usize,
    pub visits: usize,
    pub connections: usize,
    pub tasks: usize,
    pub appointments: usize,
    pub emails: usize,
    pub phone_calls: usize,
}

/// The fewest rows of a data set: the directory that every other row points to.
const LEAST: usize = 6 + 8 + 5 + 6 + 6 + 12 + 8;

impl Plan {
    /// Returns the plan for a data set of `count` rows in all, or of the few that are always there.
    pub(super) fn new(count: usize) -> Self {
        let rest = count.saturating_sub(LEAST);
        let users = 6 + (rest / 400).min(200);
        let products = (rest / 50).min(160);
        let competitors = (rest / 400).min(30);
        let rest = rest - (users - 6) - products - 3 * competitors;
        // Below a hundred there would be children without parents, so a small set is of accounts and contacts.
        let share = |per_mille: usize| if rest < 100 { 0 } else { rest * per_mille / 1000 };
        let mut plan = Self {
            business_units: 6,
            positions: 8,
            currencies: 5,
            teams: 6,
            users,
            categories: 12,
            roles: 8,
            products,
            competitors,
            competitor_addresses: 2 * competitors,
            accounts: rest.min(14).max(share(140)),
            contacts: 0,
            leads: share(50),
            opportunities: share(60),
            lines: share(120),
            cases: share(80),
            messages: share(160),
            attachments: share(10),
            visits: share(20),
            connections: share(10),
            tasks: share(50),
            appointments: share(40),
            emails: share(40),
            phone_calls: share(40),
        };
        plan.contacts = (LEAST + rest + (users - 6) + products + 3 * competitors) - plan.total();
        plan
    }

    /// Returns the number of all rows.
    pub(super) fn total(&self) -> usize {
        [
            self.business_units,
            self.positions,
            self.currencies,
            self.teams,
            self.users,
            self.categories,
            self.roles,
            self.products,
            self.competitors,
            self.competitor_addresses,
            self.accounts,
            self.contacts,
            self.leads,
            self.opportunities,
            self.lines,
            self.cases,
            self.messages,
            self.attachments,
            self.visits,
            self.connections,
            self.tasks,
            self.appointments,
            self.emails,
            self.phone_calls,
        ]
        .iter()
        .sum()
    }
}
