//! The state machine.

/// How a device works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Only with a connection: work goes straight to the server.
    Online,
    /// With and without a connection: work is kept on the device and sent when there is one.
    Hybrid,
    /// Without a connection, but for synchronizations that a person starts.
    Offline,
}

/// What the administrator set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Administrator {
    /// Only with a connection.
    Online,
    /// With and without, as the connection allows.
    #[default]
    Auto,
    /// Without a connection.
    Offline,
}

/// What the user chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Choice {
    /// As the administrator set it.
    #[default]
    Auto,
    /// Without a connection.
    Offline,
}

/// What happens to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The administrator's setting was read.
    Administrator(Administrator),
    /// The user chose.
    User(Choice),
}

/// What the machine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Tell the user that this mode is in force now.
    Announce(Mode),
}

/// What a device may want to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Send a write at once, when it was made.
    SendWrite,
    /// Use the network without being asked.
    Background,
    /// Synchronize because a person asked for it.
    SyncNow,
}

/// What the machine remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct State {
    /// What the administrator set.
    pub administrator: Administrator,
    /// What the user chose.
    pub user: Choice,
}

impl State {
    /// Returns the mode in force: the stricter of what the administrator set and the user chose.
    #[must_use]
    pub fn mode(self) -> Mode {
        match (self.administrator, self.user) {
            (Administrator::Offline, Choice::Auto | Choice::Offline)
            | (Administrator::Online | Administrator::Auto, Choice::Offline) => Mode::Offline,
            (Administrator::Online, Choice::Auto) => Mode::Online,
            (Administrator::Auto, Choice::Auto) => Mode::Hybrid,
        }
    }

    /// Returns the state after an event, and what is to be done about it.
    #[must_use]
    pub fn step(self, event: Event) -> (Self, Vec<Effect>) {
        let next = match event {
            Event::Administrator(administrator) => Self {
                administrator,
                ..self
            },
            Event::User(user) => Self { user, ..self },
        };
        let effects = if next.mode() == self.mode() {
            Vec::new()
        } else {
            vec![Effect::Announce(next.mode())]
        };
        (next, effects)
    }
}

impl Mode {
    /// Returns whether an activity is allowed in this mode.
    #[must_use]
    pub fn allows(self, activity: Activity) -> bool {
        match (self, activity) {
            (Self::Online | Self::Hybrid, Activity::SendWrite | Activity::Background)
            | (Self::Online | Self::Hybrid | Self::Offline, Activity::SyncNow) => true,
            (Self::Offline, Activity::SendWrite | Activity::Background) => false,
        }
    }

    /// Returns the mode in one word: `online`, `hybrid` or `offline`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Hybrid => "hybrid",
            Self::Offline => "offline",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMINISTRATOR: [Administrator; 3] =
        [Administrator::Online, Administrator::Auto, Administrator::Offline];
    const CHOICE: [Choice; 2] = [Choice::Auto, Choice::Offline];

    #[test]
    fn the_stricter_of_administrator_and_user_is_in_force() {
        for (administrator, user, mode) in [
            (Administrator::Online, Choice::Auto, Mode::Online),
            (Administrator::Auto, Choice::Auto, Mode::Hybrid),
            (Administrator::Offline, Choice::Auto, Mode::Offline),
            (Administrator::Online, Choice::Offline, Mode::Offline),
            (Administrator::Auto, Choice::Offline, Mode::Offline),
            (Administrator::Offline, Choice::Offline, Mode::Offline),
        ] {
            assert_eq!(State { administrator, user }.mode(), mode);
        }
    }

    #[test]
    fn offline_allows_only_what_a_person_starts() {
        for (mode, send, background, sync) in [
            (Mode::Online, true, true, true),
            (Mode::Hybrid, true, true, true),
            (Mode::Offline, false, false, true),
        ] {
            assert_eq!(mode.allows(Activity::SendWrite), send);
            assert_eq!(mode.allows(Activity::Background), background);
            assert_eq!(mode.allows(Activity::SyncNow), sync);
        }
    }

    #[test]
    fn a_mode_is_announced_exactly_when_it_changes() {
        for administrator in ADMINISTRATOR {
            for user in CHOICE {
                let state = State { administrator, user };
                let events = ADMINISTRATOR
                    .map(Event::Administrator)
                    .into_iter()
                    .chain(CHOICE.map(Event::User));
                for event in events {
                    let (next, effects) = state.step(event);
                    let announced = (next.mode() != state.mode()).then(|| Effect::Announce(next.mode()));
                    assert_eq!(effects, Vec::from_iter(announced), "{state:?} {event:?}");
                }
            }
        }
    }

    #[test]
    fn a_user_cannot_leave_the_administrators_offline() {
        let (state, _) = State::default().step(Event::Administrator(Administrator::Offline));
        assert_eq!(state.step(Event::User(Choice::Auto)).0.mode(), Mode::Offline);
    }
}
