//! Names as certificates and assertions of the field write them.

use proptest::prelude::*;
use x509_parser::prelude::FromDer;

use super::*;

/// DER of a name: RDNs of (last arc of 2.5.4, tag, content).
fn der_name(rdns: &[&[(u8, u8, &[u8])]]) -> Vec<u8> {
    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        if content.len() < 0x80 {
            out.push(content.len() as u8);
        } else {
            out.push(0x82);
            out.extend_from_slice(&(content.len() as u16).to_be_bytes());
        }
        out.extend_from_slice(content);
        out
    }
    let rdn = |attributes: &&[(u8, u8, &[u8])]| {
        let one = |(arc, tag, content): &(u8, u8, &[u8])| {
            tlv(0x30, &[tlv(0x06, &[0x55, 0x04, *arc]), tlv(*tag, content)].concat())
        };
        tlv(0x31, &attributes.iter().map(one).collect::<Vec<_>>().concat())
    };
    tlv(0x30, &rdns.iter().map(rdn).collect::<Vec<_>>().concat())
}

fn name(rdns: &[&[(u8, u8, &[u8])]]) -> DistinguishedName {
    let der = der_name(rdns);
    let (_, parsed) = X509Name::from_der(&der).expect("reads");
    DistinguishedName::from_x509(&parsed)
}

/// A card's subject: country, organisation, profession in T61, and one RDN of three attributes.
fn card() -> DistinguishedName {
    name(&[
        &[(6, 0x13, b"FR")],
        &[(10, 0x13, b"TEST")],
        &[(11, 0x14, b"M\xe9decin")],
        &[(3, 0x13, b"899900038839"), (4, 0x14, b"DURAND"), (42, 0x14, b"L\xe9a")],
    ])
}

#[test]
fn a_multi_valued_rdn_is_written_with_plus_and_hexadecimal_for_types_without_short_name() {
    let text = "CN=899900038839+2.5.4.4=#1406445552414e44+2.5.4.42=#14034ce961,OU=Médecin,O=TEST,C=FR";
    assert_eq!(card().to_rfc4514(), text);
    assert!(same_name(text, &card()));
}

#[test]
fn order_inside_an_rdn_is_free_and_order_of_rdns_is_not() {
    let good = [
        "SN=DURAND+CN=899900038839+GN=Léa,OU=Médecin,O=TEST,C=FR",
        "surname=DURAND + givenName=Léa + CN=899900038839, OU=Médecin, O=TEST, C=FR",
        "CN=899900038839+OID.2.5.4.4=#0c06445552414e44+G=L\\c3\\a9a,OU=M\\C3\\A9decin,O=\"TEST\",C=FR",
    ];
    for text in good {
        assert!(same_name(text, &card()), "{text}");
    }
    let bad = [
        "",
        "C=FR,O=TEST,OU=Médecin,CN=899900038839+SN=DURAND+GN=Léa",
        "CN=899900038839,SN=DURAND,GN=Léa,OU=Médecin,O=TEST,C=FR",
        "CN=899900038839+SN=DURAND,OU=Médecin,O=TEST,C=FR",
        "CN=899900038839+SN=DURAND+SN=DURAND,OU=Médecin,O=TEST,C=FR",
        "CN=899900038839+SN=DURAND+GN=Léa,OU=M?decin,O=TEST,C=FR",
        "CN=899900038839+SN=DURAND+GN=Léa,OU=Médecin,O=TEST,C=FR,",
        "CN=899900038839+SN=DURAND+GN=Léa,OU=Médecin,O=TEST",
    ];
    for text in bad {
        assert!(!same_name(text, &card()), "{text}");
    }
}

#[test]
fn the_state_is_st_and_never_s() {
    let structure = name(&[
        &[(6, 0x13, b"FR")],
        &[(8, 0x0c, b"Sarthe (72)")],
        &[(10, 0x0c, b"GIE, LE GRAND")],
        &[(11, 0x0c, b"339172288100052")],
        &[(3, 0x0c, b"app.example.org")],
    ]);
    let text = "CN=app.example.org,OU=339172288100052,O=GIE\\, LE GRAND,ST=Sarthe (72),C=FR";
    assert_eq!(structure.to_rfc4514(), text);
    assert!(same_name(text, &structure));
    assert!(!same_name(&text.replace("ST=", "S="), &structure));
}

#[test]
fn debug_shows_no_name() {
    assert!(!format!("{:?}", card()).contains("DURAND"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(cn in "\\PC{1,24}", ou in "[ #,+=;<>\"\\\\a-zé]{1,12}") {
        let name = name(&[&[(6, 0x13, b"FR")], &[(11, 0x0c, ou.as_bytes()), (3, 0x0c, cn.as_bytes())]]);
        prop_assert!(same_name(&name.to_rfc4514(), &name));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", esc in "[\\\\#\"=,+0-9a-fé ]{0,30}") {
        let _ = same_name(&text, &card());
        let _ = same_name(&format!("CN={esc}"), &card());
    }
}
