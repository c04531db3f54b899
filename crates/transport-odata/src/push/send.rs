//! Sending a push in the form that the service takes.

use std::sync::Arc;

use driftless_odata::batch::{self, BatchLimits, Responses};
use driftless_record::{CauseClass, Schema};
use driftless_transport::{PushItem, PushReply, PushResult, TransportError};
use driftless_transport_http::{Bytes, HeaderName, HeaderValue, Method, Reply, Request, StatusCode, header};

use super::compose::{Manner, Part, number};
use super::outcome::{of_reply, of_response, unsendable};
use crate::classify::plain_cause;
use crate::exchange::{ACCEPT_JSON, PREFER, refusal};
use crate::learned::BatchForm;
use crate::transport::ODataTransport;

/// What the answer to a batch as a whole says.
enum Whole {
    /// It was taken; the reply holds the answers to its parts.
    Taken(Box<Reply>),
    /// The service takes no batch in this form. Nothing happened.
    OtherForm,
    /// It is too large. Nothing happened.
    TooLarge,
}

impl ODataTransport {
    pub(crate) async fn push_once(
        &self,
        schema: &Arc<Schema>,
        items: &[PushItem],
    ) -> Result<PushReply, TransportError> {
        let own = self.is_own().await?;
        let mut reply = PushReply::default();
        let mut parts = Vec::with_capacity(items.len());
        for item in items {
            let facts = self.facts(&item.sending.change.entity).await?;
            let repeatable = own || self.learned.open().repeatable != Some(false);
            match Part::new(
                schema,
                &item.sending,
                &item.after,
                facts,
                Manner { own, repeatable },
            ) {
                Ok(part) => parts.push(part),
                Err(error) => {
                    reply
                        .results
                        .insert(item.sending.id, unsendable(&error.to_string()));
                }
            }
        }
        // Every form but the last may be refused as a whole, which proves that nothing happened: so the next is tried,
        // and still one request at most has an effect.
        loop {
            let form = self.learned.open().form;
            let going = self.fit(&parts, form);
            for part in &parts[going..] {
                // Not sent with this request.
                reply.results.insert(part.id, PushResult::Skipped);
            }
            parts.truncate(going);
            match parts.as_slice() {
                [] => return Ok(reply),
                [only] => {
                    let (result, server_time) = self.push_single(only).await?;
                    reply.results.insert(only.id, result);
                    reply.server_time = server_time;
                    return Ok(reply);
                }
                _ => {}
            }
            number(&mut parts);
            match self.push_batch(&parts, form).await? {
                Whole::Taken(answer) => {
                    self.confirm(&parts, form, &answer, &mut reply)?;
                    reply.server_time = answer.server_time();
                    return Ok(reply);
                }
                Whole::OtherForm => {
                    self.learned.open().form = if form == BatchForm::Json {
                        BatchForm::Multipart
                    } else {
                        BatchForm::Single
                    };
                }
                Whole::TooLarge => {
                    let size: usize = parts.iter().map(Part::size).sum();
                    self.learned.open().batch_bytes = Some(size / 2);
                }
            }
        }
    }

    /// Returns how many of the parts go into one request.
    fn fit(&self, parts: &[Part], form: BatchForm) -> usize {
        let is_cut = |count: usize| match (parts.get(count.wrapping_sub(1)), parts.get(count)) {
            (Some(last), Some(next)) => {
                last.request.group.is_some() && last.request.group == next.request.group
            }
            _ => false,
        };
        // A change set is sent whole or not at all: one that a request cannot hold is sent all the same, one that the
        // service has no form for is not.
        match self.fitting(parts, form) {
            count if !is_cut(count) => count,
            _ if form == BatchForm::Single => 0,
            count => {
                let before = (0..count).rev().find(|end| !is_cut(*end)).filter(|end| *end > 0);
                before.unwrap_or_else(|| {
                    (count..parts.len())
                        .find(|end| !is_cut(*end))
                        .unwrap_or(parts.len())
                })
            }
        }
    }

    /// Returns how many of the parts a request holds, whatever belongs together.
    fn fitting(&self, parts: &[Part], form: BatchForm) -> usize {
        let most = self.learned.open().batch_bytes.unwrap_or(usize::MAX);
        let mut size = 0;
        let mut count = 0;
        for part in parts {
            size += part.size();
            let together =
                |other: &Part| part.request.group.is_some() && part.request.group == other.request.group;
            let waits = parts[..count]
                .iter()
                .any(|earlier| part.after.contains(&earlier.id) && !together(earlier));
            let fits = match form {
                BatchForm::Json => true,
                // Nothing would keep it from being carried out when what it depends on fails.
                BatchForm::Multipart => !waits,
                BatchForm::Single => count == 0,
            };
            if count > 0 && (!fits || size > most || count >= self.options.batch_limit) {
                break;
            }
            count += 1;
        }
        count
    }

    async fn push_single(
        &self,
        part: &Part,
    ) -> Result<(PushResult, Option<driftless_record::Timestamp>), TransportError> {
        let method = Method::from_bytes(part.request.method.as_bytes())
            .map_err(|_| TransportError::Protocol("no such method".to_owned()))?;
        let url = self.http.root().join(&part.request.url)?;
        let mut request = self.request(method, url, ACCEPT_JSON)?;
        for (name, value) in &part.request.headers {
            // A value that no header can have never leaves; the change cannot be made with this revision.
            let (Ok(name), Ok(_)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value))
            else {
                return Ok((
                    unsendable("the record's revision cannot be sent in a header"),
                    None,
                ));
            };
            request = request.header(name, value)?;
        }
        if !part.request.body.is_empty() {
            request = request.body(Bytes::from(part.request.body.clone()));
        }
        let reply = self.http.send(&request).await?;
        self.note_repeatability([(reply.header("repeatability-result"), reply.status.as_u16())]);
        Ok((of_reply(part, &reply), reply.server_time()))
    }

    async fn push_batch(&self, parts: &[Part], form: BatchForm) -> Result<Whole, TransportError> {
        let requests: Vec<batch::Request> = parts.iter().map(|part| part.request.clone()).collect();
        let url = self.http.root().join("$batch")?;
        let (content_type, accept, body) = if form == BatchForm::Json {
            (
                "application/json".to_owned(),
                "application/json",
                batch::write_json_requests(&requests),
            )
        } else {
            let seed = parts
                .first()
                .map(|part| part.id.0.simple().to_string())
                .unwrap_or_default();
            let (content_type, body) = batch::write_multipart_requests(&requests, &seed);
            (content_type, "multipart/mixed", body)
        };
        let request = Request::new(Method::POST, url)
            .header(header::ACCEPT, accept)?
            .header(header::CONTENT_TYPE, &content_type)?
            // JSON batches came with version 4.01.
            .header(
                HeaderName::from_static("odata-maxversion"),
                if form == BatchForm::Json { "4.01" } else { "4.0" },
            )?
            .header(PREFER, "odata.continue-on-error")?
            .body(Bytes::from(body));
        let reply = self.http.exchange(&request).await?;
        reply.check(&self.http.root().host())?;
        if reply.status.is_success() {
            return Ok(Whole::Taken(Box::new(reply)));
        }
        let refused = refusal(&reply);
        let class = match reply.status {
            StatusCode::PAYLOAD_TOO_LARGE => return Ok(Whole::TooLarge),
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::NOT_IMPLEMENTED => return Ok(Whole::OtherForm),
            StatusCode::BAD_REQUEST if !self.learned.open().form_proved => return Ok(Whole::OtherForm),
            StatusCode::FORBIDDEN if refused.is_own => CauseClass::Permission,
            status if status.is_client_error() && refused.is_own => CauseClass::Validation,
            status => {
                return Err(TransportError::Lost {
                    host: self.http.root().host(),
                    detail: format!("status {status}"),
                });
            }
        };
        Err(TransportError::Refused(plain_cause(&refused, class)))
    }

    /// Takes from the answer to a batch what it proves.
    fn confirm(
        &self,
        parts: &[Part],
        form: BatchForm,
        answer: &Reply,
        reply: &mut PushReply,
    ) -> Result<(), TransportError> {
        let responses = read_responses(form, answer)?;
        let settled = responses.settled(&parts.iter().map(|part| part.request.clone()).collect::<Vec<_>>());
        for (index, part) in parts.iter().enumerate() {
            let mut found = settled.iter().filter(|response| match &response.id {
                Some(id) => *id == part.request.id,
                None => form == BatchForm::Multipart && response.place == index,
            });
            let result = match (found.next(), found.next()) {
                (Some(response), None) => of_response(part, response, answer),
                // One answer may stand for a whole change set that failed.
                (None, _) if failed_with_others(part, parts, &settled) => PushResult::Skipped,
                // Missing, or answered twice.
                _ => PushResult::Unknown,
            };
            reply.results.insert(part.id, result);
        }
        self.learned.open().form_proved = true;
        self.note_repeatability(settled.iter().map(|response| {
            let header = response
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("repeatability-result"));
            (header.map(|(_, value)| value.as_str()), response.status)
        }));
        Ok(())
    }

    fn note_repeatability<'a>(&self, answers: impl IntoIterator<Item = (Option<&'a str>, u16)>) {
        let mut known = self.learned.open();
        if known.own == Some(true) {
            return;
        }
        for (result, status) in answers {
            let refused_unread = status == 501 && result.is_some();
            if refused_unread {
                known.repeatable = Some(false);
            } else {
                known.note_repeatable(result, status >= 400);
            }
        }
    }
}

/// Returns whether another member of a part's change set is known to have failed.
fn failed_with_others(part: &Part, parts: &[Part], settled: &[&batch::Response]) -> bool {
    let is_member = |other: &&Part| other.request.group == part.request.group;
    let failed = |other: &Part| {
        let of_other = |response: &&&batch::Response| response.id.as_ref() == Some(&other.request.id);
        settled
            .iter()
            .filter(of_other)
            .any(|response| response.status >= 400)
    };
    part.request.group.is_some() && parts.iter().filter(is_member).any(failed)
}

fn read_responses(form: BatchForm, answer: &Reply) -> Result<Responses, TransportError> {
    let limits = BatchLimits::default();
    let read = if form == BatchForm::Json {
        batch::read_json_responses(&answer.body, &limits)
    } else {
        let content_type = answer.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        batch::read_multipart_responses(content_type, &answer.body, &limits)
    };
    match (read, &answer.cut) {
        (Ok(responses), _) => Ok(responses),
        (Err(_), Some(cut)) => Err(cut.clone()),
        (Err(error), None) => Err(TransportError::Protocol(error.to_string())),
    }
}
