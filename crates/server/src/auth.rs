//! Signing in: user and password on every request, checked against a slow hash once and a keyed fast one afterwards.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use driftless_record::UserId;
use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::ServerError;
use crate::db::state::Credential;
use crate::reply::Refusal;
use crate::request::Principal;

/// How many signed-in users are remembered.
const MOST_REMEMBERED: usize = 4096;

/// Who signed in lately. Holds keyed hashes, never passwords.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// Known to this process alone, so that the hashes are worth nothing elsewhere.
    key: [u8; 32],
    remembered: Mutex<HashMap<[u8; 32], Principal>>,
}

impl SignIn {
    /// Takes two random ids as the key of the remembered hashes.
    pub(crate) fn new(random: [Uuid; 2]) -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(random[0].as_bytes());
        key[16..].copy_from_slice(random[1].as_bytes());
        Self {
            key,
            remembered: Mutex::new(HashMap::new()),
        }
    }

    /// Finds out who asks. Blocks for the time of a slow hash if he was not here before.
    pub(crate) fn principal(
        &self,
        headers: &HeaderMap,
        credential: impl FnOnce(&str) -> rusqlite::Result<Option<Credential>>,
    ) -> Result<Principal, Refusal> {
        let (name, password) =
            basic(headers).ok_or_else(|| unauthorized("sign in with user and password"))?;
        let fast: [u8; 32] = Sha256::new()
            .chain_update(self.key)
            .chain_update(name.len().to_le_bytes())
            .chain_update(&name)
            .chain_update(&password)
            .finalize()
            .into();
        let known = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&fast)
            .cloned();
        if let Some(principal) = known {
            return Ok(principal);
        }
        let found = credential(&name)?;
        let hash = found.as_ref().and_then(|credential| credential.hash.as_deref());
        let fits = match (&found, hash) {
            (Some(_), None) => password.is_empty(),
            // An unknown name takes as long as a known one.
            (_, hash) => verify(&password, hash.unwrap_or(NOBODY)),
        };
        let Some(credential) = found.filter(|_| fits) else {
            return Err(unauthorized("user or password is wrong"));
        };
        let principal = Principal {
            name: UserId(credential.name),
            user_id: credential.user_id,
            display: credential.display,
            is_admin: credential.is_admin,
        };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.clear();
        }
        remembered.insert(fast, principal.clone());
        Ok(principal)
    }
}

/// A hash that no password has.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn unauthorized(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", message)
        .header("www-authenticate", "Basic realm=\"driftless\", charset=\"UTF-8\"")
}

/// Reads user and password.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Returns the slow hash of a password; `salt` is random.
pub(crate) fn hash(password: &str, salt: Uuid) -> Result<String, ServerError> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|_| ServerError::Password)
}
