//! Values in documents of professionals that feed the measures of a holder, unless they opposed it (AIPD VIII.3.e; R136 to
//! R138): with the deposit, in its transaction; each with the document it came from, traced and told by itself.

use access::Permit;
use space::{
    Code, Dtm, Role, Settings, Submission,
    data::{Authorship, Content, Datum, DatumKind, SourceDocument},
    measure::{Decimal, LOINC, Measure, MeasuredValue},
    trace::{Act, TraceEvent},
};
use store::{DatumWrite, EntryBody, Notification};

use crate::{
    Desk,
    act::{Acting, Attempt},
};

/// Largest document that is looked into, in bytes.
const LARGEST: u64 = 16 << 20;
/// Milliseconds of a year, as ages are told.
const YEAR_MS: i64 = 31_557_600_000;

/// A value of a document, not yet held to whom it is about.
#[derive(Debug, Clone)]
pub(crate) struct Fed {
    measure: Measure,
    source: SourceDocument,
    /// Age in years below which alone it is taken.
    under: Option<i16>,
}

/// What a deposit feeds.
#[derive(Debug, Default)]
pub(crate) struct Feeding {
    pub(crate) data: Vec<DatumWrite>,
    pub(crate) events: Vec<TraceEvent>,
    pub(crate) notifications: Vec<Notification>,
}

impl Desk {
    /// The values of the documents of a submission. A document that cannot be read through feeds nothing; one that is kept
    /// from the holder, or masked, does not tell by the way what is in it.
    pub(crate) async fn values_of(
        &self,
        acting: &Acting<'_>,
        submission: &Submission,
        bodies: &[EntryBody],
    ) -> Vec<Fed> {
        let mut found = Vec::new();
        // Of professionals alone: nobody else's documents feed.
        if !matches!(acting.caller.actor.role, Role::Professional | Role::Agent | Role::Structure) {
            return found;
        }
        for (document, body) in submission.documents.iter().zip(bodies) {
            let entry = &document.entry;
            let visibility = entry.visibility();
            let kept = visibility.hidden_from_holder || visibility.hidden_from_representatives || visibility.masked;
            let Some(body) = body.staged().filter(|_| !kept && entry.mime_type == "text/xml") else { continue };
            let Ok(Some(bytes)) = self.store.staged(body, LARGEST).await else { continue };
            let rules = self.feeding.clone();
            let read = tokio::task::spawn_blocking(move || {
                let values = cda::values(&bytes, &rules).unwrap_or_default();
                let sound =
                    |v: cda::Value<'_>| Some((v.rule.clone(), v.time.to_utc()?, Decimal::parse(&v.number).ok()?));
                values.into_iter().filter_map(sound).collect::<Vec<_>>()
            });
            let source = SourceDocument { unique_id: entry.unique_id.clone(), entry_uuid: entry.entry_uuid.clone() };
            for (rule, at, value) in read.await.unwrap_or_default() {
                let Some(kind) = self.terms.measures.of_word(&rule.measure) else { continue };
                let code = kind.codes.first().cloned().unwrap_or_default();
                let measure = Measure {
                    kind: rule.measure,
                    at,
                    values: vec![MeasuredValue {
                        code,
                        value,
                        unit: kind.unit.clone(),
                        unit_text: kind.unit_text.clone(),
                    }],
                    moment: rule.moment.map(|code| Code::new(code, LOINC, "")),
                    days: None,
                    comment: None,
                    method: None,
                    site: None,
                    device: None,
                    void: false,
                };
                found.push(Fed { measure, source: source.clone(), under: rule.under });
            }
        }
        found
    }

    /// Of these values, what comes to be the holder's: once each, unless they opposed it, and as far as they may be true of
    /// them.
    pub(crate) async fn feed_measures(
        &self,
        acting: &Acting<'_>,
        permit: &Permit,
        settings: &Settings,
        found: &[Fed],
    ) -> Result<Feeding, Attempt> {
        let mut feeding = Feeding::default();
        if settings.feeding_opposed || found.is_empty() {
            return Ok(feeding);
        }
        let (holder, _) = self.store.holder(permit).await?;
        let (now, birth) = (Dtm::from_timestamp(self.clock.now()), &holder.traits.birth_date);
        let mut names = Vec::new();
        for Fed { measure, source, under } in found {
            let age_ms = measure.at.first().as_millisecond() - birth.first().as_millisecond();
            let is_young = under.is_none_or(|years| age_ms < i64::from(years) * YEAR_MS);
            if !is_young || measure.check_fed(&self.terms.measures, now.clone(), Some(birth)).is_err() {
                continue;
            }
            let content = Content::Measure(Box::new(measure.clone()));
            let datum = Datum { content, author: Authorship::Document(source.clone()), original: None };
            let name = datum.natural_key().unwrap_or_default();
            let known = names.contains(&name) || self.store.is_named(permit, DatumKind::Measure, &name).await?;
            if known {
                continue;
            }
            names.push(name);
            let id = self.rng.uuid().to_string();
            let targets = vec![id.clone(), source.unique_id.clone()];
            let traced = Acting { act: Act::AddData, targets, ..*acting };
            feeding.events.push(TraceEvent { rule: "AIPD VIII.3.e (R136)".into(), ..traced.done(permit) });
            feeding.notifications.push(Notification {
                message_id: self.rng.uuid().to_string(),
                kind: "measure_fed",
                payload: serde_json::json!({ "measure": measure.kind, "id": id, "document": source.entry_uuid })
                    .to_string(),
            });
            feeding.data.push(DatumWrite { kind: DatumKind::Measure, id, base: 0, datum: Some(datum) });
        }
        Ok(feeding)
    }
}
