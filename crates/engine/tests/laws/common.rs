//! A small world: some devices with real engines over in-memory stores, and one back end.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};

use driftless_conflict::ConflictPolicy;
use driftless_engine::{Account, Engine, Parts, Policy, SyncOptions, SyncReport, TakeOver};
use driftless_record::{
    Cause, CauseClass, Change, ChangeAction, ChoiceOption, Collection, DeviceId, EntityName, EntitySchema,
    FieldKind, FieldName, FieldSchema, Fields, Lookup, Operation, OperationId, RecordId, Schema, UserId,
    Value,
};
use driftless_store::{
    FileRow, LogSelection, MemoryStore, OperationSelection, RecordStore, Write, WriteBatch,
};
use driftless_testkit::backend::{Backend, BackendTransport};
use driftless_testkit::host::{TestClock, test_host};
use driftless_transport::{Batch, Capabilities, ChangeDetection, CompareAndSet, Deletions, Idempotency};
use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use uuid::Uuid;

pub(crate) fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

pub(crate) fn entity(text: &str) -> EntityName {
    EntityName::parse(text).unwrap()
}

/// Accounts, and contacts that refer to them.
pub(crate) fn schema() -> Schema {
    let mut account = EntitySchema::new(entity("Account"));
    account.key.push(name("id"));
    account.add(FieldSchema {
        required: true,
        ..FieldSchema::new(name("id"), FieldKind::Guid)
    });
    let text = FieldKind::Text { max_chars: Some(40) };
    account.add(FieldSchema {
        required: true,
        ..FieldSchema::new(name("name"), text.clone())
    });
    account.add(FieldSchema::new(name("city"), text.clone()));
    let option = |code: &str| ChoiceOption {
        code: code.to_owned(),
        number: None,
        label: code.to_owned(),
    };
    let status = FieldKind::Choice {
        options: vec![option("open"), option("won"), option("lost")],
    };
    account.add(FieldSchema {
        each_transition_matters: true,
        ..FieldSchema::new(name("status"), status)
    });
    account.add(FieldSchema::new(
        name("main"),
        FieldKind::Lookup {
            targets: vec![entity("Contact")],
        },
    ));
    account.display_field = Some(name("name"));
    let contacts = Collection {
        entity: entity("Contact"),
        via: name("account"),
        cascade_delete: false,
    };
    account
        .collections
        .insert("contacts".try_into().unwrap(), contacts);
    let mut contact = EntitySchema::new(entity("Contact"));
    contact.key.push(name("id"));
    contact.add(FieldSchema {
        required: true,
        ..FieldSchema::new(name("id"), FieldKind::Guid)
    });
    contact.add(FieldSchema {
        required: true,
        ..FieldSchema::new(name("name"), text)
    });
    contact.add(FieldSchema::new(
        name("account"),
        FieldKind::Lookup {
            targets: vec![entity("Account")],
        },
    ));
    contact.display_field = Some(name("name"));
    let mut schema = Schema {
        version: "1".to_owned(),
        ..Schema::default()
    };
    schema.add(account);
    schema.add(contact);
    schema
}

/// What a back end can do that does not tell when a field was edited.
pub(crate) fn without_stamps() -> Capabilities {
    Capabilities {
        stamps: false,
        ..able()
    }
}

pub(crate) fn able() -> Capabilities {
    Capabilities {
        changes: ChangeDetection::Delta,
        deletions: Deletions::Reported,
        compare_and_set: CompareAndSet::Revision,
        idempotency: Idempotency::Repeatable,
        batch: Batch {
            limit: 100,
            depends_on: true,
            groups: true,
        },
        stamps: true,
        stamp_error: 0,
        page_rows: 100,
    }
}

pub(crate) fn options() -> SyncOptions {
    SyncOptions {
        page_rows: 3,
        // Whoever died before was killed by the test.
        take_over: TakeOver::Any,
        ..SyncOptions::default()
    }
}

pub(crate) struct Device {
    pub(crate) engine: Engine,
    pub(crate) wire: BackendTransport,
    kills: UnboundedReceiver<()>,
    parts: Parts,
    pub(crate) clock: Arc<TestClock>,
}

impl Device {
    pub(crate) async fn sync(&self) -> SyncReport {
        self.engine.sync(&self.wire, options()).await.unwrap()
    }

    /// Opens another engine over the same store, as another process would.
    pub(crate) fn other_engine(&self) -> Engine {
        Engine::open(self.parts.clone()).unwrap()
    }

    /// Returns the store under the engine.
    pub(crate) fn store(&self) -> &dyn RecordStore {
        &*self.parts.store
    }

    /// Starts a new process on this store.
    pub(crate) fn restart_on(&mut self, store: Arc<dyn RecordStore>) {
        self.parts.store = store;
        self.restart();
    }

    /// Starts a new process on the same store.
    pub(crate) fn restart(&mut self) {
        self.engine = self.other_engine();
    }

    /// Synchronizes until the end, or until a fault kills the process: then a new one opens the same store.
    pub(crate) async fn sync_or_die(&mut self) {
        let killed = {
            let sync = pin!(self.engine.sync(&self.wire, options()));
            matches!(select(sync, self.kills.next()).await, Either::Right(_))
        };
        if killed {
            self.restart();
        }
    }

    /// Starts the app anew over the same store, with a policy of its own that may take a second for a case. Time passes
    /// by [`TestClock::pass`] alone.
    pub(crate) fn start_with(&mut self, policy: Arc<dyn ConflictPolicy>) {
        self.clock.stand_still();
        self.parts.policy = Policy::Own {
            policy,
            limit_millis: 1000,
        };
        self.engine = Engine::open(self.parts.clone()).unwrap();
    }

    pub(crate) fn text(&self, of: &str, id: &RecordId, field: &str) -> Option<String> {
        let record = self.engine.get(of, id.as_str()).ok()?;
        Some(record.value(&name(field)).to_string())
    }

    pub(crate) fn set(&self, id: &RecordId, field: &str, value: &str) {
        self.engine
            .update("Account", id.as_str(), fields(&[(field, Value::text(value))]))
            .unwrap();
    }

    /// Gives a record two files, one of which the server has, and returns their rows.
    pub(crate) fn attach(&self, of: &str, id: &RecordId) -> Vec<FileRow> {
        let file = |sent: bool| FileRow {
            content: format!("{of} {id} {sent}"),
            entity: entity(of),
            id: id.clone(),
            field: name("photo"),
            size: 7,
            sent,
        };
        let files = vec![file(false), file(true)];
        let writes = files.iter().cloned().map(Write::PutFile).collect();
        self.store().commit(WriteBatch { expect: None, writes }).unwrap();
        files
    }

    /// Returns the pending operations as they are stored.
    pub(crate) fn pending(&self) -> Vec<Operation> {
        self.store()
            .operations(&OperationSelection::Pending(usize::MAX))
            .unwrap()
    }

    pub(crate) fn open_entries(&self) -> Vec<driftless_record::LogEntry> {
        self.engine.log(&LogSelection::Open).unwrap()
    }
}

pub(crate) struct World {
    pub(crate) backend: Arc<Mutex<Backend>>,
    pub(crate) devices: Vec<Device>,
}

impl World {
    pub(crate) fn new(devices: usize, capabilities: Capabilities, seed: u64) -> Self {
        Self::over(devices, (schema(), capabilities), seed, |_| {
            Arc::new(MemoryStore::new())
        })
    }

    /// Makes a world with this schema whose devices keep their data in these stores, each with the back end in reach.
    pub(crate) fn over(
        devices: usize,
        (schema, capabilities): (Schema, Capabilities),
        seed: u64,
        store: impl Fn(&Arc<Mutex<Backend>>) -> Arc<dyn RecordStore>,
    ) -> Self {
        let backend = Arc::new(Mutex::new(Backend::new(Arc::new(schema), capabilities)));
        backend.lock().unwrap().set_now(1_000_000);
        let devices = (0..devices)
            .map(|number| {
                let clock = Arc::new(TestClock::at(1_000_000));
                let device = DeviceId(Uuid::from_u128(number as u128 + 10));
                let account = Account {
                    user: UserId("ann".to_owned()),
                    tenant: BackendTransport::tenant(),
                    device,
                };
                let host = test_host(clock.clone(), seed.wrapping_mul(31).wrapping_add(number as u64));
                let parts = Parts::new(store(&backend), host, account);
                let (wire, kills) = BackendTransport::new(backend.clone(), "ann");
                Device {
                    engine: Engine::open(parts.clone()).unwrap(),
                    wire,
                    kills,
                    parts,
                    clock,
                }
            })
            .collect();
        Self { backend, devices }
    }

    /// Makes a world of one device that has one account of the server, which is in Rome.
    pub(crate) async fn with_one_account(capabilities: Capabilities) -> (Self, RecordId) {
        let world = Self::new(1, capabilities, 1);
        let id = world.account(1, "Rome Steel");
        world.devices[0].sync().await;
        (world, id)
    }

    /// A world with one account, of which both texts are in conflict, each changed by an operation of its own.
    pub(crate) async fn with_two_conflicts() -> (Self, RecordId) {
        let (world, id) = Self::with_one_account(without_stamps()).await;
        for field in ["name", "city"] {
            world.devices[0].set(&id, field, "Mine");
            world.office(&id, field, "Theirs");
        }
        assert_eq!(world.devices[0].sync().await.decided, 1);
        (world, id)
    }

    /// Returns how many effects an operation has had on the server.
    pub(crate) fn effects_of(&self, operation: OperationId) -> usize {
        let server = self.server();
        let all = server.effects().iter();
        all.filter(|effect| effect.operations.contains(&operation))
            .count()
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, Backend> {
        self.backend.lock().unwrap()
    }

    /// Lets time pass everywhere.
    pub(crate) fn pass(&self, millis: i64) {
        for device in &self.devices {
            device.clock.pass(millis);
        }
        let mut server = self.server();
        let now = server.now() + millis;
        server.set_now(now);
    }

    /// Changes an account as somebody in the office would.
    pub(crate) fn office(&self, id: &RecordId, field: &str, value: &str) {
        self.server()
            .put(&entity("Account"), id, fields(&[(field, Value::text(value))]));
    }

    /// Returns a field of an account as the server has it.
    pub(crate) fn on_server(&self, id: &RecordId, field: &str) -> Value {
        let record = self.server().record(&entity("Account"), id).unwrap().record;
        record.value(&name(field)).clone()
    }

    /// Puts an account on the server and returns its id.
    pub(crate) fn account(&self, number: u128, title: &str) -> RecordId {
        let id = Uuid::from_u128(number);
        let record = RecordId::guid(id);
        let given = fields(&[
            ("id", Value::Guid(id)),
            ("name", Value::text(title)),
            ("city", Value::text("Rome")),
        ]);
        self.server().put(&entity("Account"), &record, given);
        record
    }
}

pub(crate) fn fields(given: &[(&str, Value)]) -> Fields {
    given
        .iter()
        .map(|(field, value)| (name(field), value.clone()))
        .collect()
}

pub(crate) fn lookup(to: &RecordId) -> Value {
    Value::Lookup(Lookup {
        entity: entity("Account"),
        id: to.clone(),
        name: None,
    })
}

/// Nobody may set a city.
pub(crate) fn no_cities(change: &Change) -> Option<Cause> {
    let (ChangeAction::Create(sent) | ChangeAction::Update(sent)) = &change.action else {
        return None;
    };
    sent.contains_key(&name("city")).then(|| Cause {
        class: CauseClass::Permission,
        field: Some(name("city")),
        other: None,
        code: "403".to_owned(),
        text: "city is not yours".to_owned(),
    })
}
