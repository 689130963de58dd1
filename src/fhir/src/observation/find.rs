//! Searching measures: `GET Observation?…`, `POST Observation/_search` (FHIR R4 search; API Mesures 1.5.2 *read* where the
//! subject is named by `subject.identifier`). Pages are told apart by an opaque cursor, so that nothing is lost or told
//! twice while measures come in.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use desk::{MeasureQuery, Place, Whose};
use space::{
    Cause, Refusal,
    data::{Content, StoredDatum},
    measure::Measure,
    trace::Act,
};
use wire_fhir::{Link, OperationOutcome};

use super::{out, read_in};
use crate::{
    FhirState,
    call::{Call, percent_encoded},
    respond::{self, Failure},
    search::{
        Search,
        date::DateCriterion,
        holder, invalid,
        page::value,
        parameters::OBSERVATION,
        place,
        token::{Token, tokens},
    },
    translate::systems,
};

/// Largest page of the interface for apps, and its usual one.
const MOST: usize = 100;
const USUAL: usize = 50;

/// A criterion on one measure.
type Criterion = Box<dyn Fn(&StoredDatum, &Measure) -> bool + Send + Sync>;

/// Answers a search.
pub(crate) async fn find(State(state): State<FhirState>, request: Request) -> Result<Response, Failure> {
    let call = Call::search(&state, request, Act::ReadData).await?;
    let answer = answer(&state, &call).await;
    call.conclude(&state, Act::ReadData, answer).await
}

async fn answer(state: &FhirState, call: &Call) -> Result<Response, Failure> {
    let search = Search::read(call, OBSERVATION)?;
    let asked = Asked::read(state, call, &search)?;
    let whose = whose(state, call, &search)?;
    let Criteria { query, tests, none } = criteria(state, call, &search, &asked)?;
    let query = MeasureQuery { none, ..query };
    let wanted = move |stored: &StoredDatum| match stored.datum.as_ref().map(|d| &d.content) {
        Some(Content::Measure(measure)) => tests.iter().all(|test| test(stored, measure)),
        _ => false,
    };
    let wanted: Option<&desk::Wanted> = if asked.closer(&search) { Some(&wanted) } else { None };
    let found = state.desk.find_measures(&call.caller, &whose, &query, wanted).await?;
    let kinds = &state.desk.terms().measures;
    let mut set = SearchSet::default();
    let told = |stored: &StoredDatum| {
        let kind = stored.datum.as_ref().map_or("", |d| out::type_of(d.content.kind()));
        Some((format!("{}/{kind}/{}", call.base, stored.id), out::text(stored, found.space, kinds)?))
    };
    if !asked.count_only {
        found.measures.iter().filter_map(told).for_each(|(url, text)| set.add(Some(&url), &text, "match"));
        let devices = found.devices.iter().filter(|_| asked.devices);
        devices.filter_map(told).for_each(|(url, text)| set.add(Some(&url), &text, "include"));
    }
    if !search.ignored.is_empty() {
        let issue = search.ignored.iter().map(|r| respond::issue(r, "warning")).collect();
        let outcome = serde_json::to_string(&OperationOutcome { issue }).unwrap_or_default();
        set.add(None, &outcome, "outcome");
    }
    // What fits on the first page is all there is.
    let whole = found.next.is_none() && asked.cursor.is_none() && asked.page == 0;
    let total = found.total.and_then(|t| usize::try_from(t).ok()).or_else(|| whole.then_some(found.measures.len()));
    let links = asked.links(call, &search, found.next.as_ref());
    Ok(respond::resource(StatusCode::OK, set.bundle(total, &links).into()))
}

/// The entries of a search set, put together as text: what stands in it is text already.
#[derive(Default)]
struct SearchSet(String);

impl SearchSet {
    fn add(&mut self, full_url: Option<&str>, resource: &str, mode: &str) {
        let entries = &mut self.0;
        entries.push_str(if entries.is_empty() { "{" } else { ",{" });
        if let Some(url) = full_url {
            entries.push_str("\"fullUrl\":");
            entries.push_str(&serde_json::Value::from(url).to_string());
            entries.push(',');
        }
        entries.push_str("\"resource\":");
        entries.push_str(resource);
        entries.push_str(",\"search\":{\"mode\":\"");
        entries.push_str(mode);
        entries.push_str("\"}}");
    }

    fn bundle(&self, total: Option<usize>, links: &[Link]) -> String {
        let mut out = "{\"resourceType\":\"Bundle\",\"type\":\"searchset\"".to_owned();
        if let Some(total) = total {
            out.push_str(&format!(",\"total\":{total}"));
        }
        out.push_str(",\"link\":");
        out.push_str(&serde_json::to_string(links).unwrap_or_else(|_| "[]".to_owned()));
        if !self.0.is_empty() {
            out.push_str(",\"entry\":[");
            out.push_str(&self.0);
            out.push(']');
        }
        out.push('}');
        out
    }
}

/// What is asked about the answer.
struct Asked {
    /// The interface for apps: its own rules of search.
    of_apps: bool,
    count: usize,
    count_only: bool,
    oldest_first: bool,
    sorted: bool,
    cursor: Option<Place>,
    /// Number of the page, for the interface for apps.
    page: usize,
    counted: bool,
    devices: bool,
}

impl Asked {
    fn read(state: &FhirState, call: &Call, search: &Search) -> Result<Self, Failure> {
        let of_apps = call.parameters.iter().any(|(name, _)| name == "subject.identifier");
        let number = |name: &str| match value(call, name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| invalid(name, "a number")),
        };
        let (usual, most) = if of_apps { (USUAL, MOST) } else { (state.limits.page, state.limits.page_max) };
        let asked = number("_count")?;
        if of_apps && asked.is_some_and(|n| n > most) {
            let about = format!("{most} < {}", asked.unwrap_or_default());
            return Err(Refusal::new(Cause::PageTooLarge).at(place("_count")).about(about).into());
        }
        let count = asked.unwrap_or(usual).min(most);
        let sort = value(call, "_sort");
        if sort.is_some_and(|s| !matches!(s, "date" | "-date")) {
            return Err(invalid("_sort", "date | -date").into());
        }
        let total = value(call, "_total");
        if total.is_some_and(|t| !matches!(t, "none" | "estimate" | "accurate")) {
            return Err(invalid("_total", "none | estimate | accurate").into());
        }
        let summary = value(call, "_summary");
        if summary.is_some_and(|s| !matches!(s, "count" | "false")) {
            return Err(invalid("_summary", "count | false").into());
        }
        let mut devices = false;
        for (_, asked) in call.parameters.iter().filter(|(name, value)| name == "_include" && !value.is_empty()) {
            // The interface's own examples write a point.
            if !matches!(asked.as_str(), "Observation:device" | "Observation:device:Device" | "Observation.device") {
                return Err(invalid("_include", "Observation:device").into());
            }
            devices = true;
        }
        let cursor = value(call, "_cursor").map(cursor_of).transpose()?;
        // By number pages are told in the interface for apps alone: elsewhere by the cursor.
        if !of_apps && number("_offset")?.is_some_and(|n| n > 0) {
            return Err(invalid("_offset", "0; pages go on by the link next").into());
        }
        let count_only = summary == Some("count") || asked == Some(0);
        let asked = Self {
            of_apps,
            count: count.max(1),
            count_only,
            oldest_first: sort == Some("date"),
            sorted: sort.is_some(),
            cursor,
            page: number("_offset")?.unwrap_or(0),
            counted: count_only || of_apps || matches!(total, Some("accurate" | "estimate")),
            devices,
        };
        if of_apps {
            asked.check_mode(call, search)?;
        }
        Ok(asked)
    }

    /// Either all between two dates, page by page, or the last one.
    fn check_mode(&self, call: &Call, search: &Search) -> Result<(), Failure> {
        search.require(&["code"])?;
        let dates: Vec<DateCriterion> =
            search.all("date").flatten().map(|v| DateCriterion::read("date", v)).collect::<Result<_, _>>()?;
        let below = dates.iter().any(|d| d.is_bound().0);
        let above = dates.iter().any(|d| d.is_bound().1);
        let last = value(call, "_sort") == Some("-date") && value(call, "_count") == Some("1");
        let paged = value(call, "_offset").is_some_and(|o| o != "0");
        let wrong = |at: &str| Err(Refusal::new(Cause::SearchMode).at(place(at)).into());
        match (below && above, self.sorted) {
            (_, true) if !last => wrong("_sort"),
            (false, true) if paged => wrong("_offset"),
            (true, _) | (false, true) => Ok(()),
            (false, false) => wrong("date"),
        }
    }

    /// Whether measures must be looked at one by one.
    fn closer(&self, search: &Search) -> bool {
        search.criteria.iter().any(|(parameter, values)| match parameter.name {
            "code" | "patient" | "patient.identifier" | "category" => false,
            "date" => values.len() != 1,
            _ => true,
        })
    }

    fn links(&self, call: &Call, search: &Search, next: Option<&Place>) -> Vec<Link> {
        let url = |more: &str| {
            let mut url = format!("{}/Observation?", call.base);
            for (name, value) in &search.understood {
                let name = if self.of_apps && name == "patient.identifier" { "subject.identifier" } else { name };
                url.push_str(&format!("{}={}&", percent_encoded(name), percent_encoded(value)));
            }
            for name in ["_sort", "_include", "_total", "_summary"] {
                if let Some(value) = value(call, name) {
                    url.push_str(&format!("{name}={}&", percent_encoded(value)));
                }
            }
            url.push_str(&format!("_count={}{more}", self.count));
            url
        };
        let here = match (&self.cursor, self.page) {
            (Some(place), _) => format!("&_cursor={}", cursor(place)),
            (None, 0) => String::new(),
            (None, page) => format!("&_offset={page}"),
        };
        let mut links = vec![Link { relation: "self", url: url(&here) }];
        if self.count_only {
            return links;
        }
        if self.of_apps {
            if next.is_some() {
                links.push(Link { relation: "next", url: url(&format!("&_offset={}", self.page + 1)) });
            }
            if self.page > 0 {
                links.push(Link { relation: "previous", url: url(&format!("&_offset={}", self.page - 1)) });
            }
        } else if let Some(next) = next {
            links.push(Link { relation: "next", url: url(&format!("&_cursor={}", cursor(next))) });
        }
        links
    }
}

/// Whom a search names.
fn whose(state: &FhirState, call: &Call, search: &Search) -> Result<Whose, Failure> {
    let mut whose = Whose::default();
    for values in search.all("patient.identifier") {
        let ins = holder::number(state, "patient.identifier", values)?;
        if whose.ins.as_ref().is_some_and(|known| *known != ins) {
            return Err(Refusal::new(Cause::PatientMismatch).at(place("patient.identifier")).into());
        }
        whose.ins = Some(ins);
    }
    for values in search.all("patient") {
        let [value] = values else { return Err(invalid("patient", "one value").into()) };
        let space = read_in::space_of(value, &call.base).ok_or_else(|| invalid("patient", "Patient/<id>"))?;
        if whose.space.is_some_and(|known| known != space) {
            return Err(Refusal::new(Cause::PatientMismatch).at(place("patient")).into());
        }
        whose.space = Some(space);
    }
    Ok(whose)
}

/// What the desk looks for, and what is looked at measure by measure.
struct Criteria {
    query: MeasureQuery,
    tests: Vec<Criterion>,
    /// Nothing can fit.
    none: bool,
}

fn criteria(state: &FhirState, call: &Call, search: &Search, asked: &Asked) -> Result<Criteria, Failure> {
    let kinds = &state.desk.terms().measures;
    let mut query = MeasureQuery {
        oldest_first: asked.oldest_first,
        after: asked.cursor.clone(),
        skip: if asked.of_apps { asked.page.saturating_mul(asked.count) } else { 0 },
        limit: asked.count,
        counted: asked.counted,
        ..MeasureQuery::default()
    };
    let (mut tests, mut none): (Vec<Criterion>, bool) = (Vec::new(), false);
    let mut narrowed = false;
    for (parameter, values) in &search.criteria {
        match parameter.name {
            "code" | "combo-code" => {
                let asked = tokens(values);
                let by_part = parameter.name == "combo-code";
                let fits = |kind: &terminology::MeasureKind| {
                    let own = kind.codes.iter().any(|code| asked.iter().any(|t| names(t, code, &kind.scheme)));
                    let part = |p: &terminology::MeasurePart| asked.iter().any(|t| names(t, &p.code, &kind.scheme));
                    own || (by_part && kind.parts.iter().any(part))
                };
                let words: Vec<String> = kinds.kinds().iter().filter(|k| fits(k)).map(|k| k.word.clone()).collect();
                if narrowed {
                    query.kinds.retain(|word| words.contains(word));
                } else {
                    query.kinds = words;
                }
                narrowed = true;
                none |= query.kinds.is_empty();
                if by_part {
                    // Of a kind that fits by a part alone: those that have it.
                    let whole = |k: &&terminology::MeasureKind| {
                        k.codes.iter().any(|code| asked.iter().any(|t| names(t, code, &k.scheme)))
                    };
                    let whole: Vec<String> = kinds.kinds().iter().filter(whole).map(|k| k.word.clone()).collect();
                    tests.push(Box::new(move |_, m| {
                        let has = |v: &space::measure::MeasuredValue| {
                            asked.iter().any(|t| t.code.is_empty() || t.code == v.code)
                        };
                        whole.contains(&m.kind) || m.values.iter().any(has)
                    }));
                }
            }
            // Any of several dates is looked for one by one; the store tests one.
            "date" => match values.as_slice() {
                [one] => query.times.push(DateCriterion::read("date", one)?.test()),
                several => {
                    let dates = crate::search::date::dates("date", several)?;
                    tests.push(Box::new(move |_, m| dates.iter().any(|d| d.fits(crate::search::date::range(&m.at)))));
                }
            },
            "category" => {
                let vital = |t: &Token| {
                    (t.code == read_in::VITAL_SIGNS || t.code.is_empty())
                        && t.uri.as_deref().is_none_or(|u| u == read_in::CATEGORIES)
                };
                none |= !tokens(values).iter().any(vital);
            }
            "_id" => {
                let ids = values.clone();
                tests.push(Box::new(move |stored, _| ids.contains(&stored.id)));
            }
            "_lastUpdated" => {
                let dates = crate::search::date::dates("_lastUpdated", values)?;
                tests.push(Box::new(move |stored, _| {
                    let at =
                        jiff::Timestamp::from_millisecond(stored.recorded_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                    let end = at.checked_add(jiff::SignedDuration::from_millis(1)).unwrap_or(at);
                    dates.iter().any(|d| d.fits((at, end)))
                }));
            }
            "status" => {
                let asked = tokens(values);
                let own = |t: &Token| t.uri.as_deref().is_none_or(|u| u == "http://hl7.org/fhir/observation-status");
                tests.push(Box::new(move |stored, _| asked.iter().any(|t| own(t) && t.is(&status_of(stored)))));
            }
            "device" => {
                let asked: Vec<String> = values
                    .iter()
                    .map(|v| v.strip_prefix(&call.base).unwrap_or(v).trim_start_matches('/').to_owned())
                    .map(|v| v.strip_prefix("Device/").unwrap_or(&v).to_owned())
                    .collect();
                tests.push(Box::new(move |_, m| m.device.as_ref().is_some_and(|d| asked.contains(d))));
            }
            "method" => {
                let asked = tokens(values);
                tests.push(Box::new(move |_, m| m.method.as_ref().is_some_and(|c| asked.iter().any(|t| t.fits(c)))));
            }
            "component-code" => {
                let asked = tokens(values);
                let loinc = space::measure::LOINC;
                tests.push(Box::new(move |_, m| {
                    m.values.len() > 1 && m.values.iter().any(|v| asked.iter().any(|t| names(t, &v.code, loinc)))
                }));
            }
            "value-quantity" | "component-value-quantity" | "combo-value-quantity" => {
                let asked: Vec<Amount> =
                    values.iter().map(|v| Amount::read(parameter.name, v)).collect::<Result<_, _>>()?;
                let several = match parameter.name {
                    "value-quantity" => Some(false),
                    "component-value-quantity" => Some(true),
                    _ => None,
                };
                tests.push(Box::new(move |_, m| {
                    several.is_none_or(|s| s == (m.values.len() > 1))
                        && m.values.iter().any(|v| asked.iter().any(|a| a.fits(v)))
                }));
            }
            _ => {}
        }
    }
    Ok(Criteria { query, tests, none })
}

/// Whether a token names a code of a system.
fn names(token: &Token, code: &str, scheme: &str) -> bool {
    (token.code.is_empty() || token.code == code) && token.system.as_ref().is_none_or(|s| s == scheme)
}

/// The status that a measure came with; what was calculated is final.
fn status_of(stored: &StoredDatum) -> String {
    #[derive(serde::Deserialize)]
    struct Status {
        status: String,
    }
    let original = stored.datum.as_ref().and_then(|d| d.original.as_deref());
    original.and_then(|text| serde_json::from_str::<Status>(text).ok()).map_or_else(|| "final".to_owned(), |s| s.status)
}

/// A quantity asked for (FHIR R4 search §3.1.1.4.11): a number with its implied precision, and a unit.
struct Amount {
    prefix: &'static str,
    least: f64,
    most: f64,
    unit: Option<String>,
}

impl Amount {
    fn read(name: &str, value: &str) -> Result<Self, Refusal> {
        let wrong = || invalid(name, "[eq|ne|gt|lt|ge|le|ap]number[|system|code]");
        let prefix = ["eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb"].into_iter().find(|p| value.starts_with(p));
        let rest = prefix.map_or(value, |p| &value[p.len()..]);
        let mut parts = rest.split('|');
        let number = parts.next().unwrap_or_default();
        let (system, code) = (parts.next(), parts.next());
        if parts.next().is_some() || (system.is_some() && code.is_none()) {
            return Err(wrong());
        }
        let (system, code) = (system.unwrap_or_default(), code.unwrap_or_default());
        let text = space::measure::Decimal::parse(number).map_err(|_| wrong())?;
        let value = text.value();
        // Half of the last digit written, to either side.
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, f)| f.len());
        let power: i32 = exponent.parse().map_err(|_| wrong())?;
        // FHIR R4 search §3.1.1.4.5: 1e2 is [95, 105), 5.40e-3 is [5.395e-3, 5.405e-3).
        let power = if power > 0 && decimals == 0 { power - 1 } else { power };
        let half = 0.5 * 10f64.powi(power - i32::try_from(decimals).unwrap_or(0));
        let half = if prefix == Some("ap") { (value.abs() * 0.1).max(half) } else { half };
        let foreign = !system.is_empty() && systems::from_uri(system) != read_in::UCUM;
        let unit = match (foreign, code) {
            (true, _) => Some(String::new()),
            (false, "") => None,
            (false, code) => Some(code.to_owned()),
        };
        Ok(Self { prefix: prefix.unwrap_or("eq"), least: value - half, most: value + half, unit })
    }

    fn fits(&self, value: &space::measure::MeasuredValue) -> bool {
        let unit = |u: &String| *u == value.unit || value.unit_text.as_ref() == Some(u);
        if !self.unit.as_ref().is_none_or(unit) {
            return false;
        }
        let number = value.value.value();
        let middle = f64::midpoint(self.least, self.most);
        match self.prefix {
            "eq" | "ap" => self.least <= number && number < self.most,
            "ne" => number < self.least || self.most <= number,
            "gt" | "sa" => number > middle,
            "lt" | "eb" => number < middle,
            "ge" => number >= middle,
            _ => number <= middle,
        }
    }
}

/// A place as it travels: opaque to who gets it.
fn cursor(place: &Place) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{}:{}", place.at_ms, place.id, u8::from(place.half)))
}

fn cursor_of(text: &str) -> Result<Place, Refusal> {
    let wrong = || invalid("_cursor", "of a link that was given");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    let mut parts = text.split(':');
    let (Some(at), Some(id), Some(half), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let at_ms = at.parse().map_err(|_| wrong())?;
    if !super::is_id(id) || !matches!(half, "0" | "1") {
        return Err(wrong());
    }
    Ok(Place { at_ms, id: id.to_owned(), half: half == "1" })
}

#[cfg(test)]
mod tests {
    use space::measure::{Decimal, MeasuredValue};

    use super::*;

    #[test]
    fn a_quantity_has_the_precision_it_is_written_with() {
        let of = |number: &str| MeasuredValue {
            code: String::new(),
            value: Decimal::parse(number).expect("number"),
            unit: "kg".into(),
            unit_text: None,
        };
        let fits = |asked: &str, number: &str| Amount::read("value-quantity", asked).expect(asked).fits(&of(number));
        assert!(fits("100", "99.5") && fits("100", "100.4") && !fits("100", "100.5") && !fits("100.00", "100.4"));
        assert!(
            fits("gt70", "70.1")
                && !fits("gt70", "70")
                && fits("ge70", "70")
                && fits("lt71|http://unitsofmeasure.org|kg", "70")
        );
        assert!(fits("70||kg", "70") && !fits("70||g", "70") && !fits("70|http://other|kg", "70"));
        assert!(fits("ap100", "109") && !fits("ap100", "111") && fits("1e2", "95") && !fits("1e2", "94"));
        for bad in ["", "x", "gt", "1|a|b|c", "1|kg", "ge1,5"] {
            assert!(Amount::read("value-quantity", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_comes_back_and_no_other_text_passes_for_one() {
        let place = Place { at_ms: -5, id: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6".into(), half: true };
        assert_eq!(cursor_of(&cursor(&place)).expect("reads"), place);
        for bad in ["", "x", "AAAA", &URL_SAFE_NO_PAD.encode("1:2:0"), &URL_SAFE_NO_PAD.encode("a:b:c:d")] {
            assert!(cursor_of(bad).is_err(), "{bad}");
        }
    }
}
