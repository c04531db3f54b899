//! Commands on the wire: the request that runs one, and what its answer proves.

use crate::support::{Answer, Service, entity, error, field, guid, item, json, schema};
use driftless_odata::batch::{BatchLimits, Response, read_json_requests, write_json_responses};
use driftless_record::{
    ChangeAction, CommandCall, CommandName, Condition, EntityName, RecordId, Revision, Value,
};
use driftless_transport::{PushItem, PushResult, Transport};
use uuid::Uuid;

/// Runs `Promote` on the account `n`, which is expected to make a tag and a price.
fn promote(n: u128, command: &str) -> PushItem {
    let name = |text: &str| EntityName::parse(text).unwrap();
    let call = CommandCall {
        name: CommandName::parse(command).unwrap(),
        parameters: [
            (field("reason"), Value::text("good")),
            (field("amount"), Value::Decimal("12.50".parse().unwrap())),
        ]
        .into(),
        makes: [(field("tag"), name("Tags")), (field("price"), name("Prices"))].into(),
    };
    let condition = Condition::Revision(Revision("W/\"1\"".to_owned()));
    item(n, ChangeAction::Command(call), condition, &[])
}

async fn result(service: &Service, item: PushItem) -> PushResult {
    let id = item.sending.id;
    let reply = service.transport().push(&schema(), &[item]).await.unwrap();
    reply.results.get(&id).unwrap().clone()
}

fn ran(made: &[(&str, RecordId)]) -> PushResult {
    PushResult::Ran {
        revision: None,
        made: made.iter().map(|(slot, id)| (field(slot), id.clone())).collect(),
    }
}

#[tokio::test]
async fn a_command_goes_as_an_action_of_its_record_under_its_condition() {
    let service = Service::start(|_| Answer(204, vec![("etag", "W/\"9\"".to_owned())], Vec::new())).await;
    // The entity tag may be that of another record; who is not ours does not say.
    assert_eq!(result(&service, promote(5, "Promote")).await, ran(&[]));
    let seen = service.seen().remove(0);
    assert_eq!(
        (seen.method.as_str(), seen.path.clone()),
        ("POST", format!("Accounts({})/Test.Promote", Uuid::from_u128(5)))
    );
    assert_eq!(seen.header("if-match"), "W/\"1\"");
    assert_eq!(
        seen.header("repeatability-request-id"),
        Uuid::from_u128(5).to_string()
    );
    assert_eq!(
        String::from_utf8(seen.body).unwrap(),
        r#"{"reason":"good","amount":"12.50"}"#
    );
}

#[tokio::test]
async fn a_command_that_the_schema_does_not_have_is_never_sent() {
    let service = Service::start(|_| Answer(204, Vec::new(), Vec::new())).await;
    let result = result(&service, promote(5, "Demote")).await;
    assert!(
        matches!(&result, PushResult::Failed { cause, .. } if cause.text.contains("Demote")),
        "{result:?}"
    );
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn what_a_command_has_made_is_read_from_its_answer() {
    let tag = Uuid::from_u128(7);
    let price =
        RecordId::from_key(&entity(&schema(), "Prices"), &[Value::text("a'b"), Value::Int(3)]).unwrap();
    let members = format!(r#"{{"tag":"{tag}","price":"list='a''b',product=3"}}"#);
    let listed = format!(
        r##"{{"value":[{{"@odata.type":"#Test.Tags","ID":"{tag}"}},{{"@odata.type":"#Test.Prices","list":"a'b","product":3}}]}}"##
    );
    for (body, made) in [
        (members, vec![("tag", guid(7)), ("price", price.clone())]),
        (listed, vec![("tag", guid(7)), ("price", price)]),
        (
            format!(r#"{{"tag":"{tag}","price":null}}"#),
            vec![("tag", guid(7))],
        ),
        // It was done, whatever the answer says about it.
        (r#"{"value":true}"#.to_owned(), vec![]),
    ] {
        let text = body.clone();
        let service = Service::start(move |_| json(200, text.clone())).await;
        assert_eq!(
            result(&service, promote(1, "Promote")).await,
            ran(&made),
            "{body}"
        );
        let part = body.clone();
        let service = Service::start(move |seen| {
            let requests = read_json_requests(&seen.body, &BatchLimits::default()).unwrap();
            let responses = requests.iter().map(|request| Response {
                id: Some(request.id.clone()),
                status: 200,
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: part.clone().into_bytes(),
                ..Response::default()
            });
            json(200, write_json_responses(&responses.collect::<Vec<_>>()))
        })
        .await;
        let items = [promote(1, "Promote"), promote(2, "Promote")];
        let reply = service.transport().push(&schema(), &items).await.unwrap();
        for item in &items {
            assert_eq!(reply.results[&item.sending.id], ran(&made), "{body}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_proves_nothing_whatever_its_status() {
    let service = Service::start(|_| json(200, r#"{"tag":"0000"#)).await;
    assert_eq!(result(&service, promote(1, "Promote")).await, PushResult::Unknown);
}

#[tokio::test]
async fn a_refused_command_says_why_and_for_which_parameter() {
    let service = Service::start(|_| {
        json(
            422,
            r#"{"error":{"code":"NotAllowed","message":"no","target":"reason"}}"#,
        )
    })
    .await;
    let PushResult::Failed { cause, .. } = result(&service, promote(1, "Promote")).await else {
        panic!("not refused")
    };
    assert_eq!(cause.field, Some(field("reason")));
    for (status, class) in [
        (400, "Validation"),
        (403, "Permission"),
        (404, "Gone"),
        (409, "Conflict"),
        (412, "Precondition"),
        (428, "Precondition"),
    ] {
        let service = Service::start(move |_| error(status, "C")).await;
        let PushResult::Failed { cause, .. } = result(&service, promote(1, "Promote")).await else {
            panic!("{status}")
        };
        assert_eq!(format!("{:?}", cause.class), class, "{status}");
    }
    let service = Service::start(|_| error(500, "C")).await;
    assert_eq!(result(&service, promote(1, "Promote")).await, PushResult::Unknown);
}
