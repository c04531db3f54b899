//! What a user asked for on one device, what of it was acknowledged, and what the server must have of it.

use serde_json::Value;

/// Whether the process told that a write is saved before it ended.
pub(super) type Acknowledged = bool;

/// Everything that was asked for on one device. Nobody else writes these fields and rows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The case whose messages these are.
    pub(super) case: String,
    /// Messages of the case are numbered by their place here.
    pub(super) messages: Vec<Acknowledged>,
    pub(super) accounts: Vec<Account>,
}

/// An account with a counter that only grows.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) name: String,
    /// `None` until the creation is acknowledged.
    pub(super) id: Option<String>,
    /// The field of the counter.
    pub(super) field: &'static str,
    /// Every value that was written, in order.
    pub(super) written: Vec<(u64, Acknowledged)>,
    /// The highest value that the server was seen to have.
    pub(super) seen: u64,
    pub(super) deleted: Option<Acknowledged>,
}

impl Ledger {
    /// The accounts that the user can go on working with.
    pub(super) fn alive(&self) -> Vec<usize> {
        let alive = |account: &Account| account.id.is_some() && account.deleted.is_none();
        (0..self.accounts.len())
            .filter(|place| alive(&self.accounts[*place]))
            .collect()
    }

    /// How many writes were acknowledged, and how many were not.
    pub(super) fn counts(&self) -> (usize, usize) {
        let accounts = self.accounts.iter().flat_map(|account| {
            let created = account.id.is_some();
            let counter = account.written.iter().map(|(_, acknowledged)| *acknowledged);
            counter.chain([created]).chain(account.deleted)
        });
        let all: Vec<_> = accounts.chain(self.messages.iter().copied()).collect();
        let acknowledged = all.iter().filter(|acknowledged| **acknowledged).count();
        (acknowledged, all.len() - acknowledged)
    }

    /// Checks what the server has, `messages` in the order in which they were committed there, and returns how many
    /// creations are there that were not acknowledged.
    pub(super) fn check(&self, accounts: &[Value], messages: &[Value]) -> usize {
        let there: Vec<usize> = messages
            .iter()
            .filter(|row| row["case_id"] == self.case.as_str())
            .map(|row| row["text"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(
            there.is_sorted_by(|before, after| before < after),
            "messages of a case are twice there, or not in their order: {there:?}"
        );
        for (number, acknowledged) in self.messages.iter().enumerate() {
            assert!(
                !acknowledged || there.contains(&number),
                "message {number} is lost: {there:?}"
            );
        }
        for account in &self.accounts {
            account.check(accounts);
        }
        let made = |account: &&Account| accounts.iter().any(|row| row["name"] == *account.name);
        let accounts = self.accounts.iter().filter(|account| account.id.is_none());
        there.iter().filter(|number| !self.messages[**number]).count() + accounts.filter(made).count()
    }
}

impl Account {
    /// An account that somebody has created already.
    pub(super) fn known(name: &str, id: String, field: &'static str) -> Self {
        Self {
            id: Some(id),
            ..Self::asked_for(name.to_owned(), field)
        }
    }

    pub(super) fn asked_for(name: String, field: &'static str) -> Self {
        Self {
            name,
            id: None,
            field,
            written: Vec::new(),
            seen: 0,
            deleted: None,
        }
    }

    /// The value that a row of the server has in this counter; 0 before the first.
    pub(super) fn value(&self, row: &Value) -> u64 {
        match &row[self.field] {
            Value::String(text) => text.parse().unwrap_or(0),
            value => value.as_u64().unwrap_or(0),
        }
    }

    /// The server has this value now.
    pub(super) fn see(&mut self, value: u64) {
        assert!(
            value >= self.seen,
            "{self:?}: the server went back from {} to {value}",
            self.seen
        );
        self.seen = value;
    }

    fn check(&self, rows: &[Value]) {
        let rows: Vec<_> = rows.iter().filter(|row| row["name"] == *self.name).collect();
        assert!(rows.len() <= 1, "there twice: {rows:?}");
        let Some(row) = rows.first() else {
            let may_be_absent = self.id.is_none() || self.deleted.is_some();
            assert!(may_be_absent, "{self:?} is lost");
            return;
        };
        assert_ne!(self.deleted, Some(true), "a deleted record is back: {row}");
        if let Some(id) = &self.id {
            assert_eq!(row["id"], **id);
        }
        let value = self.value(row);
        let last = self.written.iter().rev().find(|(_, acknowledged)| *acknowledged);
        let least = last.map_or(0, |(value, _)| *value);
        assert!(
            value >= least,
            "{self:?}: the server has {value}, after {least} was acknowledged"
        );
        assert!(
            value == 0 || self.written.iter().any(|(written, _)| *written == value),
            "{self:?}: {value} was never written"
        );
    }
}
