//! Layer arrows: the real dependency graph against `[workspace.metadata.layers]`.

use super::finding::{Findings, line_where};
use crate::workspace::Workspace;
use cargo_metadata::{Dependency, DependencyKind, Package};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

/// One row of the table in the root manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Layer {
    #[serde(rename = "layer")]
    _name: String,
    may_use: Vec<String>,
}

pub(super) fn check(workspace: &Workspace, findings: &mut Findings) {
    let table = workspace
        .metadata
        .workspace_metadata
        .get("layers")
        .cloned()
        .unwrap_or_default();
    let layers: BTreeMap<String, Layer> = match serde_json::from_value(table) {
        Ok(layers) => layers,
        Err(error) => {
            let message = format!("[workspace.metadata.layers] does not read ({error}): repair the table");
            return findings.fail("Cargo.toml", 1, message);
        }
    };
    for gone in layers.keys().filter(|name| !workspace.has_member(name)) {
        let message = format!("layers names `{gone}`, which is not a member: take the row out");
        findings.fail("Cargo.toml", 1, message);
    }
    for package in workspace.members() {
        let file = workspace.relative(package.manifest_path.as_std_path());
        let manifest = fs::read_to_string(&package.manifest_path).unwrap_or_default();
        let Some(layer) = layers.get(package.name.as_str()) else {
            let message = format!(
                "`{}` is in no layer: add it to [workspace.metadata.layers]",
                package.name
            );
            findings.fail(&file, 1, message);
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| workspace.has_member(&dependency.name))
        {
            let line = line_where(&manifest, |line| line.starts_with(&dependency.name));
            if let Some(message) = verdict(package, &layer.may_use, dependency) {
                findings.fail(&file, line, message);
            }
        }
    }
}

/// What is wrong with one dependency on another member.
fn verdict(package: &Package, may_use: &[String], dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if dependency.kind == DependencyKind::Development {
        let published = package
            .publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty());
        let versioned = !dependency.req.comparators.is_empty();
        return (published && versioned).then(|| {
            let folder = name.strip_prefix("driftless-").unwrap_or(name);
            format!("dev-dependency `{name}` has a version, so it would be published: write {name} = {{ path = \"../{folder}\" }}")
        });
    }
    let allowed = may_use.iter().any(|used| used == "*" || used == name);
    (!allowed).then(|| {
        format!(
            "`{}` may not use `{name}`: arrows point down only, see docs/ARCHITECTURE.md",
            package.name
        )
    })
}
