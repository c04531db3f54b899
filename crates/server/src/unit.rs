//! Executing requests: one transaction for all that came together, a savepoint for each that stands alone.

use driftless_record::{DeviceId, Timestamp};
use http::StatusCode;
use rusqlite::Connection;

use crate::db::repeat::{self, Kept};
use crate::db::write::Writing;
use crate::db::{feed, state};
use crate::repeatability::{Repeat, keep, rejected, replay};
use crate::reply::{Refusal, Reply};
use crate::request::{Principal, Request};
use crate::resource;
use crate::service::Service;

/// Runs `work` in one transaction, which is durable when this returns.
///
/// # Errors
/// The refusal of `work`, or that of the database; nothing was done then.
pub(crate) fn transaction<T>(
    service: &Service,
    principal: &Principal,
    now: Timestamp,
    is_read: bool,
    work: impl FnOnce(&mut Executor<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if is_read {
        return service.pool.read(|connection| {
            let (seq, _) = state::seq_and_floor(connection)?;
            work(&mut Executor::new(
                service,
                principal,
                connection,
                (now, seq),
                true,
            ))
        });
    }
    let connection = service.pool.writer();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let result = (|| {
        let (seq, _) = state::seq_and_floor(&connection)?;
        let mut executor = Executor::new(service, principal, &connection, (now, seq), false);
        let result = work(&mut executor)?;
        let last = executor.writing.seq;
        if last != seq {
            connection
                .prepare_cached("UPDATE state$ SET seq = ?")?
                .execute([last])?;
            feed::prune(&connection, last, i64::from(service.feed_kept))?;
        }
        repeat::sweep(&connection, now)?;
        connection.execute_batch("COMMIT")?;
        Ok(result)
    })();
    if result.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    result
}

/// A transaction that executes requests.
pub(crate) struct Executor<'a> {
    service: &'a Service,
    principal: &'a Principal,
    pub(crate) writing: Writing<'a>,
    is_read: bool,
}

impl<'a> Executor<'a> {
    fn new(
        service: &'a Service,
        principal: &'a Principal,
        connection: &'a Connection,
        (now, seq): (Timestamp, i64),
        is_read: bool,
    ) -> Self {
        let writing = Writing {
            connection,
            tables: &service.tables,
            schema: &service.schema,
            now,
            device: DeviceId(service.database),
            is_admin: principal.is_admin,
            seq,
        };
        Self {
            service,
            principal,
            writing,
            is_read,
        }
    }

    /// Executes requests that succeed or fail together (one, or the members of an atomicity group), once however often
    /// they are sent. Returns one reply for each.
    ///
    /// # Errors
    /// Only if the database fails; a refused request has a reply that says so.
    pub(crate) fn run(&mut self, members: &[&Request]) -> Result<Vec<Reply>, Refusal> {
        let all = |refusal: Refusal| vec![rejected(refusal); members.len()];
        let repeat = match Repeat::of(members, self.writing.now) {
            Ok(repeat) => repeat,
            Err(refusal) => return Ok(all(refusal)),
        };
        let principal = &self.principal.name.0;
        if let Some(repeat) = &repeat
            && let Some(kept) = repeat::find(self.writing.connection, principal, &repeat.id)?
        {
            return Ok(replay(&kept, repeat).unwrap_or_else(all));
        }
        self.savepoint("SAVEPOINT unit")?;
        let mut replies = Vec::with_capacity(members.len());
        for request in members {
            match resource::respond(self.service, &mut self.writing, request) {
                Ok(reply) => replies.push(reply),
                Err(refusal) => {
                    self.savepoint("ROLLBACK TO unit")?;
                    self.savepoint("RELEASE unit")?;
                    let refused = if repeat.is_some() {
                        rejected(refusal)
                    } else {
                        refusal.into()
                    };
                    return Ok(failed(members.len(), replies.len(), &refused));
                }
            }
        }
        if let Some(repeat) = repeat {
            for reply in &mut replies {
                reply
                    .headers
                    .push(("repeatability-result", "accepted".to_owned()));
            }
            let kept = Kept {
                fingerprint: repeat.fingerprint,
                replies: keep(&replies),
            };
            repeat::keep(
                self.writing.connection,
                principal,
                &repeat.id,
                &kept,
                self.writing.now,
            )?;
        }
        self.savepoint("RELEASE unit")?;
        Ok(replies)
    }

    fn savepoint(&self, sql: &str) -> rusqlite::Result<()> {
        if !self.is_read {
            self.writing.connection.prepare_cached(sql)?.execute([])?;
        }
        Ok(())
    }
}

/// Returns the replies of a unit whose member at a place was refused.
fn failed(members: usize, at: usize, refused: &Reply) -> Vec<Reply> {
    let others = Refusal::new(
        StatusCode::FAILED_DEPENDENCY,
        "FailedDependency",
        "another request of the same group failed, so nothing of the group was done",
    );
    let reply = |index| {
        if index == at {
            refused.clone()
        } else {
            others.clone().into()
        }
    };
    (0..members).map(reply).collect()
}
