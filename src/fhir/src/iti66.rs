//! ITI-66 Find Document Lists (MHD 4.2 §3.66; PDSm flow 5a): `GET List?…`, `POST List/_search`. Shows the submission
//! sets that hold at least one document the caller may read; knows no folder.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use space::{AvailabilityStatus, Cause, Refusal, SubmissionSet, trace::Act};

use crate::{
    FhirState,
    call::Call,
    iti67::booleans,
    respond::{self, Failure},
    search::{
        Search,
        date::{dates, range},
        holder, invalid,
        page::{Frame, Page, sorted},
        parameters::LIST,
        place, text,
        token::{Token, tokens},
    },
    translate::{
        ids, set_out,
        urls::{LIST_TYPES, LIST_TYPES_HTTP, PDSM_FIND_LISTS},
    },
};

/// A criterion on one set.
type Criterion = Box<dyn Fn(&SubmissionSet) -> bool + Send + Sync>;

/// Answers a search.
pub(crate) async fn find(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let call = Call::search(&state, request, Act::Find).await?;
    let answer = answer(&state, &call).await;
    call.conclude(&state, Act::Find, answer).await
}

async fn answer(state: &FhirState, call: &Call) -> Result<Response, Failure> {
    let search = Search::read(call, LIST)?;
    let page = Page::read(state, call)?;
    let ascending = sorted(call, "date")?;
    search.require(&["code", "status"])?;
    let criteria = understand(&search)?;
    let ins = holder::named(state, call, &search).await?;
    let listing = state.desk.find_sets(&call.caller, Some(&ins), |set| criteria.iter().all(|fits| fits(set))).await?;
    let mut sets: Vec<_> = listing.sets.iter().collect();
    match ascending {
        Some(true) => sets.sort_by_key(|(set, _)| set.submission_time.first()),
        Some(false) => sets.sort_by_key(|(set, _)| std::cmp::Reverse(set.submission_time.first())),
        None => {}
    }
    let frame = Frame { call, search: &search, kind: "List", profile: Some(PDSM_FIND_LISTS), page };
    let bundle = frame.bundle(&sets, |(set, members)| {
        let list = set_out::list(&listing.ins, set, members);
        (list.id.clone().unwrap_or_default(), wire_fhir::Resource::List(Box::new(list)))
    });
    Ok(respond::json(StatusCode::OK, &bundle))
}

fn understand(search: &Search) -> Result<Vec<Criterion>, Failure> {
    let mut criteria: Vec<Criterion> = Vec::new();
    for (parameter, values) in &search.criteria {
        let (asked, owned) = (tokens(values), values.clone());
        criteria.push(match parameter.name {
            // Read by `search::holder`.
            "patient" | "patient.identifier" => continue,
            "_id" => Box::new(move |s| asked.iter().any(|t| t.is(ids::resource_id(&s.entry_uuid)))),
            "code" => {
                let sets = asked.iter().any(is_submission_set);
                Box::new(move |_| sets)
            }
            "status" => {
                for token in &asked {
                    if !matches!(token.code.as_str(), "current" | "retired" | "entered-in-error") {
                        return Err(invalid("status", "current | retired | entered-in-error").into());
                    }
                }
                Box::new(move |s| asked.iter().any(|t| t.is(ids::list_status(s.status).0)))
            }
            "isArchived" => {
                let asked = booleans("isArchived", &asked)?;
                Box::new(move |s| asked.contains(&(s.status == AvailabilityStatus::Archived)))
            }
            "identifier" => Box::new(move |s| asked.iter().any(|t| t.names(&s.unique_id, &[&s.entry_uuid], &[]))),
            "date" => {
                let asked = dates("date", values)?;
                Box::new(move |s| asked.iter().any(|d| d.fits(range(&s.submission_time))))
            }
            "designationType" => Box::new(move |s| asked.iter().any(|t| t.fits(&s.content_type_code))),
            "sourceId" => Box::new(move |s| asked.iter().any(|t| t.names(s.source_id.as_str(), &[], &[]))),
            "title" => Box::new(move |s| s.title.iter().any(|t| text::starts(&owned, &[&t.value]))),
            "source.given" => Box::new(move |s| {
                let given: Vec<_> = s.authors.iter().filter_map(|a| a.person.as_ref()?.given()).collect();
                text::starts(&owned, &given)
            }),
            "source.family" => Box::new(move |s| {
                let family: Vec<_> = s.authors.iter().filter_map(|a| a.person.as_ref()?.family()).collect();
                text::starts(&owned, &family)
            }),
            name => return Err(Refusal::new(Cause::QueryParameterUnknown).at(place(name)).into()),
        });
    }
    Ok(criteria)
}

fn is_submission_set(token: &Token) -> bool {
    token.is("submissionset") && token.uri.as_deref().is_none_or(|u| matches!(u, LIST_TYPES | LIST_TYPES_HTTP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_the_table_is_understood() {
        for parameter in LIST {
            let value = match parameter.name {
                "status" => "current",
                "isArchived" => "true",
                "date" => "le2020",
                _ => "x|y",
            };
            let search = Search { criteria: vec![(parameter, vec![value.to_owned()])], ..Search::default() };
            assert!(understand(&search).is_ok(), "{}", parameter.name);
        }
    }

    #[test]
    fn both_schemes_of_the_list_types_are_read() {
        for good in
            ["submissionset", &format!("{LIST_TYPES}|submissionset"), &format!("{LIST_TYPES_HTTP}|submissionset")]
        {
            assert!(is_submission_set(&Token::read(good)));
        }
        assert!(
            !is_submission_set(&Token::read("folder")) && !is_submission_set(&Token::read("http://x|submissionset"))
        );
    }
}
