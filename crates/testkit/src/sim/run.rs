//! One run of one world, from its seed to its report.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use driftless_conflict::ConflictPolicy;
use driftless_engine::EngineError;
use driftless_store::{MemoryStore, RecordStore, StoreError, WriteBatch};
use driftless_transport::PushItem;

use super::act::Step;
use super::config::Config;
use super::random::Rng;
use super::settle::settle;
use super::story::Story;
use super::world::World;

/// Gives devices their stores, which outlive their processes.
pub trait Stores {
    /// Opens the store of a device: the same data as the last time, or nothing the first time.
    ///
    /// # Errors
    /// The store's; the run ends then.
    fn open(&self, device: usize) -> Result<Arc<dyn RecordStore>, StoreError>;
}

/// Stores in memory.
#[derive(Debug, Default)]
pub struct MemoryStores(Mutex<BTreeMap<usize, Arc<MemoryStore>>>);

impl Stores for MemoryStores {
    fn open(&self, device: usize) -> Result<Arc<dyn RecordStore>, StoreError> {
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stores.entry(device).or_default().clone())
    }
}

/// Parts that are broken on purpose, to see that the simulator notices. Nothing is broken by default.
#[derive(Clone, Default)]
pub struct Broken {
    /// What a store makes of a commit before it carries it out.
    pub commit: Option<fn(&mut WriteBatch)>,
    /// What a transport makes of sendings before they leave.
    pub push: Option<fn(&mut Vec<PushItem>)>,
    /// Who wins conflicts.
    pub policy: Option<Arc<dyn ConflictPolicy>>,
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broken").finish_non_exhaustive()
    }
}

/// A law of the world that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant}: {text}")]
pub struct Violation {
    /// The invariant's id, such as `I2`; `L39` if the world did not come to rest; `device` if a device itself failed.
    pub invariant: &'static str,
    /// What was seen.
    pub text: String,
}

impl Violation {
    /// Makes a violation.
    pub(super) fn new(invariant: &'static str, text: String) -> Self {
        Self { invariant, text }
    }
}

impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::new("device", format!("the store failed: {error}"))
    }
}

impl From<EngineError> for Violation {
    fn from(error: EngineError) -> Self {
        Self::new("device", format!("the engine failed: {error}"))
    }
}

/// What is to happen in a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// What the world is made of.
    pub config: Config,
    /// What happens, before faults stop.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Draws the plan of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0);
        let config = Config::draw(&mut rng);
        let count = 5 + rng.index(60);
        let steps = (0..count).map(|_| Step::draw(&mut rng, &config)).collect();
        Self { seed, config, steps }
    }
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The number that stands for everything that happened: the same in every run of a plan.
    pub trace: u64,
    /// How long all devices together lived, in simulated milliseconds.
    pub device_millis: i64,
    /// How many operations people made.
    pub operations: usize,
    /// How many effects the server had from devices.
    pub effects: usize,
    /// How many final values were compared with the edit that was made last.
    pub compared: usize,
    /// What was broken, if anything.
    pub violation: Option<Violation>,
    /// What happened, a line each.
    pub story: Vec<String>,
}

/// Runs a plan: its steps, and then the calm in which everything must come to rest.
#[must_use]
pub fn run(plan: &Plan, stores: &dyn Stores, broken: &Broken) -> Report {
    let mut world = match World::new(plan, stores, broken) {
        Ok(world) => world,
        Err(violation) => {
            return Report {
                trace: 0,
                device_millis: 0,
                operations: 0,
                effects: 0,
                compared: 0,
                violation: Some(violation),
                story: Vec::new(),
            };
        }
    };
    let ended = plan
        .steps
        .iter()
        .try_for_each(|step| world.step(step))
        .and_then(|()| settle(&mut world, &mut Rng::new(plan.seed, 2)));
    let violation = ended.err();
    if let Some(violation) = &violation {
        world.tell(format_args!("VIOLATION {violation}"));
    }
    world.seal();
    let now = world.timeline.now();
    let operations = world.devices.iter().map(|device| device.acknowledged.len()).sum();
    let effects = world.server().effects().len();
    let compared = world.compared;
    let story: Story = world.story;
    Report {
        trace: story.hash(),
        device_millis: now.saturating_mul(i64::try_from(plan.config.devices).unwrap_or(1)),
        operations,
        effects,
        compared,
        violation,
        story: story.into_lines(),
    }
}
