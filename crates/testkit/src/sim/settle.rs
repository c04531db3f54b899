//! The calm after the faults: everything must come to rest within a bound, and be equal everywhere (I9, I10, L39).

use driftless_engine::{Decision, SyncOptions, TakeOver};
use driftless_store::LogSelection;

use super::check::difference;
use super::config::Play;
use super::network::{Link, Weather};
use super::play::synchronize;
use super::random::Rng;
use super::run::Violation;
use super::schema::Reshape;
use super::world::World;

/// How many rounds of synchronizing everything may need to come to rest.
const ROUNDS: usize = 16;

/// After how many rounds a person gives up what the server refuses again and again.
const PATIENCE: usize = 6;

/// How long a round is, in milliseconds: longer than any wait between two tries.
const ROUND_MILLIS: i64 = 400_000;

/// Stops all faults and lets every device synchronize until nothing is left to do.
pub(super) fn settle(world: &mut World<'_>, rng: &mut Rng) -> Result<(), Violation> {
    world.tell(format_args!("the faults stop"));
    for device in &world.devices {
        device.network.cut(Link::Up, 0);
        device.network.weather(Weather::Fine, 0);
        device.network.sign_in(true);
        device.life.calm();
    }
    world.server().refuse(None);
    world.server().set_busy_until(i64::MIN);
    world.server().show_all();
    if !world.shape.contacts {
        world.shape.reshape(Reshape::Contacts);
        world.put_shape();
    }
    world.settings.excluded.clear();
    world.settings.scope = None;
    world.administer();
    for number in 0..world.devices.len() {
        finish(world, number)?;
    }
    let mut left = None;
    for round in 0..ROUNDS {
        for number in 0..world.devices.len() {
            let next = world.timeline.now().saturating_add(ROUND_MILLIS);
            world.advance(next)?;
            let options = SyncOptions {
                page_rows: 50,
                take_over: TakeOver::Any,
                ..SyncOptions::default()
            };
            synchronize(world, number, (Weather::Fine, rng.next()), options)?;
            finish(world, number)?;
            decide(world, number, rng, round)?;
            world.check()?;
        }
        left = rest(world)?;
        if left.is_none() {
            if world.config.play == Play::Order {
                let compared = world.order.judge(&world.server(), &world.devices)?;
                world.compared = compared;
            }
            return Ok(());
        }
    }
    let text = left.unwrap_or_default();
    Err(Violation::new(
        "L39",
        format!("no rest after {ROUNDS} quiet rounds: {text}"),
    ))
}

/// Lets time pass until a device has synchronized.
fn finish(world: &mut World<'_>, number: usize) -> Result<(), Violation> {
    while world
        .devices
        .get(number)
        .is_some_and(|device| device.syncing.is_some())
    {
        let Some(next) = world.timeline.next_at() else {
            let text = format!("device {number} waits for nothing, for ever");
            return Err(Violation::new("L39", text));
        };
        world.advance(next)?;
    }
    Ok(())
}

/// Decides everything that waits for a person, one way or the other.
fn decide(world: &mut World<'_>, number: usize, rng: &mut Rng, round: usize) -> Result<(), Violation> {
    let Some(device) = world.devices.get_mut(number) else {
        return Ok(());
    };
    let mut done = Vec::new();
    for entry in device.engine.log(&LogSelection::Open)? {
        let mut ways = [
            Decision::Mine,
            Decision::Theirs,
            Decision::Retry,
            Decision::Discard,
        ];
        ways.rotate_left(if round < PATIENCE { rng.index(3) } else { 3 });
        device.decided.extend(entry.operations.iter().copied());
        for way in ways {
            let decided = device.engine.resolve(entry.id, &way);
            device.may_do_again(&entry, &way, &decided);
            if let Ok(touched) = decided {
                device.decided.extend(touched.ended.iter().map(|(id, _)| *id));
                done.push((entry.id, way));
                break;
            }
        }
    }
    for (id, way) in done {
        world.tell(format_args!("device {number} decides entry {id} by {way:?}"));
    }
    Ok(())
}

/// Returns what is not at rest yet, if anything.
fn rest(world: &World<'_>) -> Result<Option<String>, Violation> {
    for device in &world.devices {
        let number = device.number;
        let outbox = device.engine.outbox()?;
        if let Some(item) = outbox.first() {
            return Ok(Some(format!(
                "device {number} has {} pending operations, the first is {:?}",
                outbox.len(),
                item.operation.state
            )));
        }
        if !device.engine.status()?.in_sync {
            return Ok(Some(format!("device {number} does not say that it is in sync")));
        }
        if let Some(difference) = difference(device, &world.server(), &world.settings)? {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}
