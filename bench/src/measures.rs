//! Measures by FHIR over mutual TLS, opened to professionals: read one, write one, search twenty of six thousand; and how
//! the search grows with the store.

use std::{sync::Arc, time::Instant};

use access::{DataAction, Operation};
use serde_json::{Value, json};
use space::{
    Dtm,
    data::{Authorship, Content, Datum, DatumKind},
    measure::{Decimal, Measure, MeasuredValue},
    trace::Act,
};
use store::DatumWrite;
use testkit::{Client, Credentials, Gateway, GatewayOptions, client};

use crate::{
    Arguments,
    fill::{Filling, ins},
    load::{self, Plan, Worker},
};

/// Measures of the holder who is searched.
const MANY: u64 = 6_000;
/// Measures of any other holder.
const FEW: u64 = 200;
/// Measures put in at once when a store is filled.
const AT_ONCE: u64 = 100;
/// The holder who is searched.
const CROWDED: u64 = 900_000_000;

struct Asks {
    client: Client,
    bearer: Arc<String>,
    method: &'static str,
    path: Arc<String>,
    body: Arc<String>,
    status: u16,
    at_least: usize,
}

impl Worker for Asks {
    async fn request(&mut self, _: u64) -> bool {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/fhir+json")];
        let request = client::request(self.method, &self.path, &headers, client::full(self.body.as_bytes().to_vec()));
        let Ok(reply) = self.client.send(request).await else { return false };
        reply.status.as_u16() == self.status && reply.body.len() >= self.at_least
    }
}

fn options() -> GatewayOptions {
    GatewayOptions::default().with("ACCESS__BRICKS_OPEN_TO_PROFESSIONALS", "[\"measures\"]")
}

fn observation(ins: &str, n: u64) -> String {
    json!({
        "resourceType": "Observation",
        "meta": { "profile": ["https://fhir.monespacesante.fr/ref/mesure/StructureDefinition/mes-observation-bodyweight"] },
        "status": "final",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs",
        }] }],
        "code": { "coding": [{ "system": "http://loinc.org", "code": "29463-7", "display": "Poids corporel" }] },
        "subject": { "identifier": { "system": "urn:oid:1.2.250.1.213.1.4.10", "value": ins } },
        "effectiveDateTime": at(n).to_fhir(),
        "valueQuantity": { "value": 71.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg" },
    })
    .to_string()
}

/// A measure every hour from 2024 on.
fn at(n: u64) -> Dtm {
    let seconds = 1_704_067_200 + i64::try_from(n).unwrap_or(0) * 3600;
    Dtm::from_millisecond(seconds * 1000).expect("a time")
}

/// Runs a scenario on a gateway of its own, filled with the measures of one holder.
pub(crate) async fn run(name: &str, arguments: &Arguments) -> Value {
    let mut gateway = Gateway::with(options());
    let number = fill_one(&mut gateway).await;
    ask(name, &gateway, arguments, &number).await
}

async fn fill_one(gateway: &mut Gateway) -> String {
    gateway.terminate();
    let filling = Arc::new(Filling::open(gateway.data(), None).await);
    filling.holder(CROWDED, Some("899900000101")).await;
    measures(&filling, CROWDED, 2, MANY).await;
    filling.close().await;
    gateway.restart();
    ins(CROWDED).matricule().to_owned()
}

async fn ask(name: &str, gateway: &Gateway, arguments: &Arguments, number: &str) -> Value {
    let pki = gateway.data().join("pki");
    let config = client::tls(&pki, Some("medecin"));
    let bearer = Arc::new(Credentials::of(&pki, "medecin", number).bearer());
    let plan = Plan { seconds: arguments.seconds, rate: arguments.rate, connections: arguments.connections };
    let search = "/fhir/Observation?code=29463-7&_sort=-date&_count=20".to_owned();
    let (title, method, path, body, status, at_least) = match name {
        "measure-write" => {
            let body = observation(number, 7);
            ("write a measure", "POST", "/fhir/Observation".to_owned(), body, 201, 500)
        }
        "measure-read" => {
            let mut client = Client::with_config(&gateway.pro, config.clone());
            let found = client.get(&search, &[("authorization", &bearer)]).await.json();
            let id = found["entry"][0]["resource"]["id"].as_str().expect("a measure").to_owned();
            ("read a measure", "GET", format!("/fhir/Observation/{id}"), String::new(), 200, 500)
        }
        _ => ("search 20 of 6,000 measures", "GET", search, String::new(), 200, 10_000),
    };
    let (path, body) = (Arc::new(path), Arc::new(body));
    let make = |_| Asks {
        client: Client::with_config(&gateway.pro, config.clone()),
        bearer: bearer.clone(),
        method,
        path: path.clone(),
        body: body.clone(),
        status,
        at_least,
    };
    let _ = load::run(title, Plan { seconds: 2, ..plan }, &[gateway.pid()], make).await;
    load::run(title, plan, &[gateway.pid()], make).await
}

/// Puts measures of the `n`th holder in, through the store.
async fn measures(filling: &Arc<Filling>, n: u64, revision: i64, count: u64) {
    let space = Filling::space(n);
    let number = ins(n).matricule().to_owned();
    let permit = filling.permit(Operation::Data(DataAction::Add), space, revision);
    for part in 0..count.div_ceil(AT_ONCE) {
        let writes = (part * AT_ONCE..((part + 1) * AT_ONCE).min(count)).map(|k| {
            let measure = Measure {
                kind: "weight".into(),
                at: at(k),
                values: vec![MeasuredValue {
                    code: "29463-7".into(),
                    value: Decimal::parse("71.5").expect("a number"),
                    unit: "kg".into(),
                    unit_text: Some("kg".into()),
                }],
                moment: None,
                days: None,
                comment: None,
                method: None,
                site: None,
                device: None,
                void: false,
            };
            DatumWrite {
                kind: DatumKind::Measure,
                // Ids are random: so are these.
                id: testkit::uuid(),
                base: 0,
                datum: Some(Datum {
                    content: Content::Measure(Box::new(measure)),
                    author: Authorship::Holder,
                    original: Some(kept(&number, k)),
                }),
            }
        });
        let event = filling.event(space, Act::AddData, "");
        filling.store().write_data(&permit, writes.collect(), &event, Vec::new()).await.expect("stored");
    }
}

/// What the gateway keeps of an observation.
fn kept(number: &str, n: u64) -> String {
    let mut whole: Value = serde_json::from_str(&observation(number, n)).expect("JSON");
    let object = whole.as_object_mut().expect("an object");
    object.remove("resourceType");
    let meta = object.remove("meta").expect("meta");
    format!("{{\"meta\":{meta},{}", &whole.to_string()[1..])
}

/// Fills to each size in turn (in measures) and searches there.
pub(crate) async fn growth(arguments: &Arguments, mut say: impl FnMut(Value)) {
    let mut gateway = Gateway::with(options().with("STORE__SCRUB_MIB_PER_S", "0"));
    let number = fill_one(&mut gateway).await;
    let mut holders = 0;
    for size in &arguments.documents {
        let wanted = size / FEW;
        gateway.terminate();
        let began = Instant::now();
        let filling = Arc::new(Filling::open(gateway.data(), None).await);
        let mut under_way = tokio::task::JoinSet::new();
        for n in holders..wanted {
            if under_way.len() == 64 {
                under_way.join_next().await.expect("some are under way").expect("filled");
            }
            let filling = filling.clone();
            under_way.spawn(async move {
                filling.holder(n, None).await;
                measures(&filling, n, 1, FEW).await;
            });
        }
        while let Some(done) = under_way.join_next().await {
            done.expect("filled");
        }
        filling.close().await;
        drop(filling);
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = ((wanted - holders) * FEW) as f64 / began.elapsed().as_secs_f64().max(0.001);
        let bytes = crate::scenario::disk(gateway.data());
        say(json!({ "scenario": "fill with measures", "measures": size, "per_second": rate.round(), "bytes": bytes }));
        holders = wanted;
        gateway.restart();
        for name in ["measure-search", "measure-read", "measure-write"] {
            let mut line = ask(name, &gateway, arguments, &number).await;
            line["measures"] = json!(size);
            say(line);
        }
    }
}
