//! An account: its folder, and the small files beside its store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use driftless_engine as engine;
use driftless_mode::Choice;
use driftless_record::{DeviceId, Settings, TenantId, Timestamp, UserId};
use driftless_store::RecordStore;
use driftless_store_sqlite::Health;
use driftless_store_sqlite::home::{self, DriveGuard, Identity};
use driftless_transport::{Contact, Credentials, TokenStore as _};
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::host::{TokenFile, file};
use crate::wire::Connector;

/// How the user signed in last. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// The address of the service.
    pub(crate) url: String,
    /// The name that the user signs in with.
    pub(crate) user: String,
    /// The name that people read.
    pub(crate) display_name: String,
    /// The back end's name and version.
    pub(crate) server: String,
    pub(crate) connector: Connector,
    /// When.
    pub(crate) at: Timestamp,
}

/// The right to drive an account: held by one process at a time, given back when it ends, however it ends.
pub(crate) type Lease = DriveGuard;

/// An account of a home.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    inner: home::Account,
    device: DeviceId,
}

/// Says whose account a contact is: the service, the organisation behind it, and the user.
pub(crate) fn identity(contact: &Contact, root: &str) -> Identity {
    let tenant = contact.tenant.0.as_str();
    let organisation = tenant.strip_prefix(root).map(str::trim_start);
    Identity {
        service: organisation.map_or(tenant, |_| root).to_owned(),
        organisation: organisation.unwrap_or_default().to_owned(),
        user: contact.user.0.clone(),
    }
}

/// Returns the tenant of an identity, as the contact named it.
fn tenant(identity: &Identity) -> TenantId {
    match identity.organisation.as_str() {
        "" => TenantId(identity.service.clone()),
        organisation => TenantId(format!("{} {organisation}", identity.service)),
    }
}

impl Account {
    /// Takes an account of a home on a device.
    pub(crate) fn new(inner: home::Account, device: DeviceId) -> Self {
        Self { inner, device }
    }

    /// Notes how the user signed in.
    pub(crate) fn note_sign_in(&self, sign_in: &SignIn) -> Result<(), CliError> {
        write(&self.place("sign-in.json"), sign_in)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.inner.path().join(name)
    }

    /// Returns the id, by which `--account` finds it.
    pub(crate) fn id(&self) -> &str {
        self.inner.id()
    }

    /// Returns whether a text names this account: its id or the begin of it, its user, or user@host.
    pub(crate) fn is(&self, text: &str) -> bool {
        let by_id = text.len() >= 4 && self.id().starts_with(text);
        by_id
            || self.sign_in().is_ok_and(|sign_in| {
                let host = sign_in.url.split("//").nth(1).unwrap_or_default();
                let host = host.split('/').next().unwrap_or_default();
                text == sign_in.user || text == format!("{}@{host}", sign_in.user)
            })
    }

    /// Returns the name that the user signed in with, as far as it is known.
    pub(crate) fn user(&self) -> String {
        self.sign_in()
            .map_or_else(|_| self.inner.identity().user.clone(), |sign_in| sign_in.user)
    }

    /// Returns whose work the engine keeps here.
    pub(crate) fn identity(&self) -> engine::Account {
        let identity = self.inner.identity();
        engine::Account {
            user: UserId(identity.user.clone()),
            tenant: tenant(identity),
            device: self.device,
        }
    }

    /// Opens the store, making it if it is not there.
    pub(crate) fn store(&self) -> Result<Arc<dyn RecordStore>, CliError> {
        Ok(Arc::new(self.inner.store(None)?))
    }

    /// Looks for damage in the data, reading all of them.
    pub(crate) fn examine(&self) -> Result<Health, CliError> {
        Ok(self.inner.examine(None)?)
    }

    /// Takes the right to drive the account, unless another process has it.
    pub(crate) fn try_drive(&self) -> Result<Option<Lease>, CliError> {
        Ok(self.inner.try_drive()?)
    }

    /// Returns how the user signed in last.
    pub(crate) fn sign_in(&self) -> Result<SignIn, CliError> {
        let path = self.place("sign-in.json");
        read(&path)?.ok_or_else(|| {
            CliError::failed("damaged", format!("{} is missing", path.display()))
                .hint("sign in again: driftless login URL --user U")
        })
    }

    /// Returns where the credentials are kept.
    pub(crate) fn credentials_place(&self) -> PathBuf {
        self.place("credentials.json")
    }

    /// Returns whether anything of the account is here.
    pub(crate) fn has_folder(&self) -> bool {
        self.inner.path().is_dir()
    }

    fn tokens(&self) -> TokenFile {
        TokenFile::new(self.credentials_place())
    }

    pub(crate) fn credentials(&self) -> Result<Option<Credentials>, CliError> {
        Ok(self.tokens().load()?)
    }

    /// Keeps the credentials, or forgets them.
    pub(crate) fn keep_credentials(&self, credentials: Option<&Credentials>) -> Result<(), CliError> {
        Ok(self.tokens().save(credentials)?)
    }

    /// Returns the certificates of the authority that the user named.
    pub(crate) fn ca(&self) -> Result<Option<Vec<u8>>, CliError> {
        let path = self.place("ca.pem");
        match fs::read(&path) {
            Ok(pem) => Ok(Some(pem)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::file(&path, &error)),
        }
    }

    /// Keeps the certificates of an authority, or forgets them.
    pub(crate) fn keep_ca(&self, pem: Option<&[u8]>) -> Result<(), CliError> {
        let path = self.place("ca.pem");
        let kept = match pem {
            Some(pem) => file::write(&path, pem),
            None => file::remove(&path),
        };
        kept.map_err(|error| CliError::file(&path, &error))
    }

    /// Returns the settings for a back end that serves none.
    pub(crate) fn profile(&self) -> Result<Option<Settings>, CliError> {
        read(&self.place("profile.json"))
    }

    pub(crate) fn keep_profile(&self, profile: &Settings) -> Result<(), CliError> {
        write(&self.place("profile.json"), profile)
    }

    /// Returns how the user chose to work.
    pub(crate) fn choice(&self) -> Result<Choice, CliError> {
        let offline: Option<bool> = read(&self.place("offline.json"))?;
        Ok(match offline {
            Some(true) => Choice::Offline,
            Some(false) | None => Choice::Auto,
        })
    }

    pub(crate) fn choose(&self, choice: Choice) -> Result<(), CliError> {
        write(&self.place("offline.json"), &(choice == Choice::Offline))
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, CliError> {
    file::read_json(path).map_err(|error| CliError::file(path, &error))
}

fn write<T: Serialize>(path: &Path, data: &T) -> Result<(), CliError> {
    file::write_json(path, data).map_err(|error| CliError::file(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_comes_back_as_the_contact_named_it() {
        let root = "https://crm.example.com/odata/";
        for (tenant_text, service, organisation) in [
            (root.to_owned(), root, ""),
            (format!("{root} north"), root, "north"),
            ("elsewhere".to_owned(), "elsewhere", ""),
        ] {
            let contact = Contact {
                user: UserId("ann".to_owned()),
                display_name: "Ann".to_owned(),
                tenant: TenantId(tenant_text.clone()),
                server: String::new(),
                server_time: None,
                server_time_error: 0,
            };
            let found = identity(&contact, root);
            assert_eq!(
                (found.service.as_str(), found.organisation.as_str()),
                (service, organisation)
            );
            assert_eq!(tenant(&found).0, tenant_text);
        }
    }
}
