//! Examining a seed: a failing run is cut down to the steps that matter and told as a story.

use std::fmt;

use super::run::{Broken, Plan, Report, Stores, Violation, run};

/// How many runs cutting one failure down may take.
const MAX_RUNS: usize = 400;

/// A failure, cut down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was broken.
    pub violation: Violation,
    /// The plan with the steps that matter.
    pub plan: Plan,
    /// How many steps the seed's own plan has.
    pub steps: usize,
    /// What happened in the plan that is left.
    pub story: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, all) = (self.plan.steps.len(), self.steps);
        writeln!(f, "seed {} breaks {}", self.seed, self.violation)?;
        writeln!(f, "with {left} of its {all} steps:")?;
        self.story.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Runs a seed over fresh stores.
///
/// # Errors
/// The failure, cut down to the steps without which it does not happen.
pub fn examine<S: Stores>(
    seed: u64,
    stores: impl Fn() -> S,
    broken: &Broken,
) -> Result<Report, Box<Failure>> {
    let plan = Plan::of_seed(seed);
    let report = run(&plan, &stores(), broken);
    let Some(violation) = report.violation.clone() else {
        return Ok(report);
    };
    let steps = plan.steps.len();
    let plan = cut_down(plan, violation.invariant, &|plan| run(plan, &stores(), broken));
    let last = run(&plan, &stores(), broken);
    Err(Box::new(Failure {
        seed,
        violation: last.violation.unwrap_or(violation),
        plan,
        steps,
        story: last.story,
    }))
}

/// Leaves steps out, many at once first, as long as the same invariant is still broken.
fn cut_down(mut plan: Plan, invariant: &str, run: &dyn Fn(&Plan) -> Report) -> Plan {
    let mut runs = 0;
    let mut size = plan.steps.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut shorter = false;
        while from < plan.steps.len() && runs < MAX_RUNS {
            let mut steps = plan.steps.clone();
            let to = (from + size).min(steps.len());
            steps.drain(from..to);
            let candidate = Plan {
                steps,
                ..plan.clone()
            };
            runs += 1;
            let broken = run(&candidate).violation;
            if broken.is_some_and(|violation| violation.invariant == invariant) {
                plan = candidate;
                shorter = true;
            } else {
                from = to;
            }
        }
        if size == 1 && !shorter || runs >= MAX_RUNS {
            return plan;
        }
        size = size.div_ceil(2).max(1);
    }
}
