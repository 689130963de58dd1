//! The responding gateway of a community, as ITI TF-2 §3.38 and §3.39 ask.

use crate::{
    Clause,
    client::{Answer, Server},
    soap::{adhoc, expect, failure, find, get, has, send_to, slot, status, success},
};

const QUERY: &str = "urn:ihe:iti:2007:CrossGatewayQuery";
const RETRIEVE: &str = "urn:ihe:iti:2007:CrossGatewayRetrieve";
/// A community that nobody is.
const NOBODY: &str = "urn:oid:1.2.250.1.999.4.4";

pub const CLAUSES: &[Clause] = &[
    Clause {
        name: "ITI38_3.38.4.1.3_home_on_every_object",
        asks: "a Cross Gateway Query gives each object its homeCommunityId, under the action of its answer",
        check: |s| {
            let answer = query(s, &find(s, &status()))?;
            success(&answer)?;
            has(&answer, "urn:ihe:iti:2007:CrossGatewayQueryResponse")?;
            let text = answer.text();
            let objects = text.matches("ExtrinsicObject ").count();
            let homes = text.matches(&format!("home=\"{}\"", home(s))).count();
            expect(&answer, objects > 0 && homes == objects, "home on every ExtrinsicObject")
        },
    },
    Clause {
        name: "ITI38_3.18.4.1.2.3.8_home_required",
        asks: "a query by identifiers that names no community is refused by XDSMissingHomeCommunityId",
        check: |s| failure(&query(s, &get("1.2.3"))?, "XDSMissingHomeCommunityId"),
    },
    Clause {
        name: "ITI38_3.38.4.1.3_unknown_community",
        asks: "a query that names another community is refused by XDSUnknownCommunity",
        check: |s| {
            let named = slot("$homeCommunityId", &format!("'{NOBODY}'"));
            let body = get("1.2.3").replace("</AdhocQuery>", &format!("{named}</AdhocQuery>"));
            failure(&query(s, &body)?, "XDSUnknownCommunity")
        },
    },
    Clause {
        name: "ITI38_3.38_unknown_query",
        asks: "an unknown stored query is refused by XDSUnknownStoredQuery",
        check: |s| failure(&query(s, &adhoc("14d4debf-0000-4251-9a74-a90016b0af0d", ""))?, "XDSUnknownStoredQuery"),
    },
    Clause {
        name: "ITI39_3.39.4.1.3_home_required",
        asks: "a Cross Gateway Retrieve without HomeCommunityId is refused by XDSMissingHomeCommunityId",
        check: |s| failure(&retrieve(s, "")?, "XDSMissingHomeCommunityId"),
    },
    Clause {
        name: "ITI39_3.39.4.1.3_unknown_community",
        asks: "a document of another community is refused by XDSUnknownCommunity",
        check: |s| {
            let named = format!("<HomeCommunityId>{NOBODY}</HomeCommunityId>");
            failure(&retrieve(s, &named)?, "XDSUnknownCommunity")
        },
    },
];

fn home(s: &Server) -> String {
    format!("urn:oid:{}", s.home.as_deref().unwrap_or_default().trim_start_matches("urn:oid:"))
}

fn query(s: &Server, body: &str) -> Result<Answer, String> {
    send_to(s, &s.xca, QUERY, body)
}

fn retrieve(s: &Server, home: &str) -> Result<Answer, String> {
    let body = format!(
        r#"<RetrieveDocumentSetRequest xmlns="urn:ihe:iti:xds-b:2007"><DocumentRequest>{home}<RepositoryUniqueId>{}</RepositoryUniqueId><DocumentUniqueId>1.2.3</DocumentUniqueId></DocumentRequest></RetrieveDocumentSetRequest>"#,
        s.repository_id
    );
    send_to(s, &s.xca, RETRIEVE, &body)
}
