//! ITI-67 Find Document References (MHD 4.2 §3.67; PDSm flow 5b): `GET DocumentReference?…`,
//! `POST DocumentReference/_search`. Shows what the desk shows and no more; filters by what its query cannot say.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use desk::{Listed, Listing};
use space::{
    Association, AvailabilityStatus, Cause, Code, DocumentEntry, Refusal, query::CodeQuery, query::EntryQuery,
    trace::Act,
};

use crate::{
    FhirState,
    call::Call,
    respond::{self, Failure},
    search::{
        Search,
        date::{dates, period, range},
        holder, invalid,
        page::{Frame, Page, sorted},
        parameters::DOCUMENT_REFERENCE,
        place, text,
        token::{Token, tokens},
    },
    translate::{
        entry_out::{self, IDENTIFIER_SLOT},
        ids, person, urls,
    },
};

/// A criterion on one document and its links.
type Criterion = Box<dyn Fn(&DocumentEntry, &[Association]) -> bool + Send + Sync>;

/// Answers a search.
pub(crate) async fn find(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let call = Call::search(&state, request, Act::Find).await?;
    let answer = answer(&state, &call).await;
    call.conclude(&state, Act::Find, answer).await
}

async fn answer(state: &FhirState, call: &Call) -> Result<Response, Failure> {
    let search = Search::read(call, DOCUMENT_REFERENCE)?;
    let page = Page::read(state, call)?;
    let ascending = sorted(call, "date")?;
    search.require(&["status"]).map_err(|missing| with_patient(&search, missing))?;
    let (query, criteria) = understand(&search)?;
    let ins = holder::named(state, call, &search).await?;
    let listing = state.desk.find(&call.caller, Some(&ins), &query).await?;
    let found = filter(&listing, &criteria, ascending);
    let profile = Some(urls::PDSM_FIND_DOCUMENTS);
    let frame = Frame { call, search: &search, kind: "DocumentReference", profile, page };
    let bundle = frame.bundle(&found, |listed| {
        let resource = entry_out::document_reference(&listing.ins, listed, &listing.associations, &call.base);
        (resource.id.clone().unwrap_or_default(), wire_fhir::Resource::DocumentReference(Box::new(resource)))
    });
    Ok(respond::json(StatusCode::OK, &bundle))
}

/// A search that lacks both mandatory criteria is told both at once.
fn with_patient(search: &Search, missing: Failure) -> Failure {
    if search.all("patient").next().is_some() || search.all("patient.identifier").next().is_some() {
        return missing;
    }
    let absent = |name: &str, about: &str| Refusal::new(Cause::QueryParameterMissing).at(place(name)).about(about);
    vec![absent("patient", "patient | patient.identifier"), absent("status", "status")].into()
}

fn filter<'a>(listing: &'a Listing, criteria: &[Criterion], ascending: Option<bool>) -> Vec<&'a Listed> {
    let fits = |listed: &&Listed| criteria.iter().all(|fits| fits(&listed.entry, &listing.associations));
    let mut found: Vec<&Listed> = listing.documents.iter().filter(fits).collect();
    match ascending {
        Some(true) => found.sort_by_key(|l| l.entry.creation_time.first()),
        Some(false) => found.sort_by_key(|l| std::cmp::Reverse(l.entry.creation_time.first())),
        None => {}
    }
    found
}

/// Splits a search into what the desk's query can say and criteria on each document.
pub(crate) fn understand(search: &Search) -> Result<(EntryQuery, Vec<Criterion>), Failure> {
    let mut query = EntryQuery::default();
    let mut criteria: Vec<Criterion> = Vec::new();
    let mut statuses: Vec<AvailabilityStatus> = AvailabilityStatus::ALL.to_vec();
    for (parameter, values) in &search.criteria {
        match parameter.name {
            "status" => {
                let asked = document_statuses(&tokens(values))?;
                statuses.retain(|s| asked.contains(s));
            }
            "isArchived" => {
                let asked = booleans("isArchived", &tokens(values))?;
                statuses.retain(|s| asked.contains(&(*s == AvailabilityStatus::Archived)));
            }
            // The first criterion on the type narrows what the database reads; others are applied here.
            "type" if query.types.is_empty() => {
                let asked = tokens(values);
                if asked.iter().all(|t| !t.code.is_empty()) {
                    query.types = asked.iter().map(|t| CodeQuery { code: t.code.clone(), scheme: None }).collect();
                }
                criteria.push(Box::new(move |e, _| asked.iter().any(|t| t.fits(&e.type_code))));
            }
            "_id" => query.entry_uuids.extend(id_values(&mut criteria, values)),
            name => criteria.extend(criterion(name, values)?),
        }
    }
    if statuses.is_empty() {
        criteria.push(Box::new(|_, _| false));
    }
    query.statuses = statuses;
    Ok((query, criteria))
}

fn id_values(criteria: &mut Vec<Criterion>, values: &[String]) -> Vec<String> {
    let uuids: Vec<String> = values.iter().filter_map(|v| ids::entry_uuid(v)).collect();
    let asked = uuids.clone();
    criteria.push(Box::new(move |e, _| asked.contains(&e.entry_uuid)));
    uuids
}

fn criterion(name: &'static str, values: &[String]) -> Result<Option<Criterion>, Failure> {
    let code = |of: fn(&DocumentEntry) -> &Code| -> Criterion {
        let asked = tokens(values);
        Box::new(move |e, _| asked.iter().any(|t| t.fits(of(e))))
    };
    let codes = |of: fn(&DocumentEntry) -> &[Code]| -> Criterion {
        let asked = tokens(values);
        Box::new(move |e, _| of(e).iter().any(|c| asked.iter().any(|t| t.fits(c))))
    };
    let owned = values.to_vec();
    Ok(Some(match name {
        // Read by `search::holder`.
        "patient" | "patient.identifier" => return Ok(None),
        "type" => code(|e| &e.type_code),
        "category" => code(|e| &e.class_code),
        "format" => code(|e| &e.format_code),
        "facility" => code(|e| &e.healthcare_facility_type_code),
        "setting" => code(|e| &e.practice_setting_code),
        "security-label" => codes(|e| &e.confidentiality_codes),
        "event" => codes(|e| &e.event_codes),
        "identifier" => {
            let asked = tokens(values);
            Box::new(move |e, _| {
                let others = e.extra.iter().find(|s| s.name == IDENTIFIER_SLOT).map_or(&[][..], |s| &s.values);
                asked.iter().any(|t| t.names(&e.unique_id, &[&e.entry_uuid, &e.logical_id], others))
            })
        }
        "date" | "creation" => {
            let asked = dates(name, values)?;
            Box::new(move |e, _| asked.iter().any(|d| d.fits(range(&e.creation_time))))
        }
        "period" => {
            let asked = dates(name, values)?;
            Box::new(move |e, _| {
                let of = period(e.service_start_time.as_ref(), e.service_stop_time.as_ref());
                of.is_some_and(|of| asked.iter().any(|d| d.fits(of)))
            })
        }
        "period-start" => {
            let asked = dates(name, values)?;
            Box::new(move |e, _| e.service_start_time.as_ref().is_some_and(|t| asked.iter().any(|d| d.fits(range(t)))))
        }
        "period-end" => {
            let asked = dates(name, values)?;
            Box::new(move |e, _| e.service_stop_time.as_ref().is_some_and(|t| asked.iter().any(|d| d.fits(range(t)))))
        }
        "author.given" => Box::new(move |e, _| {
            let persons = e.authors.iter().filter_map(|a| a.person.as_ref()?.given()).collect::<Vec<_>>();
            text::starts(&owned, &persons)
        }),
        "author.family" => Box::new(move |e, _| {
            let persons = e.authors.iter().filter_map(|a| a.person.as_ref()?.family()).collect::<Vec<_>>();
            text::starts(&owned, &persons)
        }),
        "related" => {
            let asked = tokens(values);
            Box::new(move |e, _| {
                e.reference_ids.iter().any(|cx| {
                    let identifier = person::of_cx(cx);
                    asked.iter().any(|t| {
                        identifier.value.as_deref() == Some(t.code.as_str())
                            && t.uri.as_deref().is_none_or(|u| u == identifier.system.as_deref().unwrap_or_default())
                    })
                })
            })
        }
        "relatesto" => {
            let mut targets = Vec::new();
            for value in values {
                let id = value.rsplit_once("DocumentReference/").map_or(value.as_str(), |(_, id)| id);
                targets.push(ids::entry_uuid(id).ok_or_else(|| invalid(name, "DocumentReference/<id>"))?);
            }
            Box::new(move |e, links| links.iter().any(|l| l.source == e.entry_uuid && targets.contains(&l.target)))
        }
        "relation" => {
            let asked = tokens(values);
            Box::new(move |e, links| {
                let own = links.iter().filter(|l| l.source == e.entry_uuid);
                own.filter_map(|l| entry_out::relation(l.kind)).any(|code| asked.iter().any(|t| t.is(code)))
            })
        }
        // Every name of the table has its arm above: a test goes through them all.
        _ => return Err(Refusal::new(Cause::QueryParameterUnknown).at(place(name)).into()),
    }))
}

/// The states that status codes mean. An archived document is current and archived.
fn document_statuses(asked: &[Token]) -> Result<Vec<AvailabilityStatus>, Failure> {
    let mut statuses = Vec::new();
    for token in asked {
        match token.code.as_str() {
            "current" => statuses.extend([AvailabilityStatus::Approved, AvailabilityStatus::Archived]),
            "superseded" => statuses.push(AvailabilityStatus::Deprecated),
            "entered-in-error" => statuses.push(AvailabilityStatus::Deleted),
            _ => return Err(invalid("status", "current | superseded | entered-in-error").into()),
        }
    }
    Ok(statuses)
}

/// `true`, `false`.
pub(crate) fn booleans(name: &str, asked: &[Token]) -> Result<Vec<bool>, Failure> {
    let read = |t: &Token| t.code.parse().map_err(|_| invalid(name, "true | false").into());
    asked.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that each kind of parameter accepts.
    fn sample(name: &str) -> &'static str {
        match name {
            "status" => "current",
            "isArchived" => "false",
            "relatesto" => "DocumentReference/f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "date" | "creation" | "period" | "period-start" | "period-end" => "ge2020-01-01",
            _ => "x|y",
        }
    }

    #[test]
    fn every_parameter_of_the_table_is_understood() {
        for parameter in DOCUMENT_REFERENCE {
            let search =
                Search { criteria: vec![(parameter, vec![sample(parameter.name).to_owned()])], ..Search::default() };
            assert!(understand(&search).is_ok(), "{}", parameter.name);
        }
    }

    #[test]
    fn status_and_is_archived_are_one_state_of_xds() {
        let of = |name: &str, value: &str| {
            let parameter = DOCUMENT_REFERENCE.iter().find(|p| p.name == name).expect("served");
            (parameter, vec![value.to_owned()])
        };
        let statuses = |criteria| understand(&Search { criteria, ..Search::default() }).expect("read").0.statuses;
        use AvailabilityStatus::{Approved, Archived};
        assert_eq!(statuses(vec![of("status", "current")]), [Approved, Archived]);
        assert_eq!(statuses(vec![of("status", "current"), of("isArchived", "true")]), [Archived]);
        assert_eq!(statuses(vec![of("status", "current"), of("isArchived", "false")]), [Approved]);
    }
}
