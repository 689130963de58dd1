//! What was found: a line each, JUnit XML, one HTML page.

use std::{fmt, time::Duration};

/// The outcome of a clause; `None` = skipped.
pub struct Outcome {
    pub face: &'static str,
    pub name: &'static str,
    pub asks: &'static str,
    pub result: Option<Result<(), String>>,
    pub took: Duration,
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self.result {
            None => "skipped",
            Some(Ok(())) => "met",
            Some(Err(_)) => "NOT MET",
        }
    }

    fn seen(&self) -> &str {
        match &self.result {
            Some(Err(seen)) => seen,
            _ => "",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8} {} — {}", self.word(), self.name, self.asks)?;
        if !self.seen().is_empty() {
            write!(f, "\n         {}", self.seen())?;
        }
        Ok(())
    }
}

/// Met, not met, skipped.
pub fn count(outcomes: &[Outcome]) -> (usize, usize, usize) {
    let of = |word: &str| outcomes.iter().filter(|o| o.word() == word).count();
    (of("met"), of("NOT MET"), of("skipped"))
}

fn escape(text: &str) -> String {
    let legal = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars()
        .filter(legal)
        .collect::<String>()
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The outcomes as JUnit XML.
pub fn junit(outcomes: &[Outcome]) -> String {
    let (met, failed, skipped) = count(outcomes);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"conformance\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">\n",
        met + failed + skipped
    );
    for o in outcomes {
        let time = o.took.as_secs_f64();
        xml += &format!("<testcase classname=\"{}\" name=\"{}\" time=\"{time:.3}\">", o.face, escape(o.name));
        match &o.result {
            None => xml += "<skipped/>",
            Some(Ok(())) => {}
            Some(Err(seen)) => xml += &format!("<failure message=\"{}\">{}</failure>", escape(o.asks), escape(seen)),
        }
        xml += "</testcase>\n";
    }
    xml + "</testsuite></testsuites>\n"
}

/// The outcomes as one page.
pub fn html(outcomes: &[Outcome], target: &str) -> String {
    let (met, failed, skipped) = count(outcomes);
    let rows: String = outcomes
        .iter()
        .map(|o| {
            format!(
                "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td><pre>{}</pre></td></tr>\n",
                o.word().replace(' ', "-").to_lowercase(),
                escape(o.name),
                escape(o.asks),
                o.word(),
                escape(o.seen())
            )
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Conformance of {target}</title>\
         <style>body{{font:15px/1.5 system-ui;margin:2rem}}td{{padding:.3rem .8rem;vertical-align:top;border-top:1px solid #ddd}}\
         .met td:nth-child(3){{color:#17692f}}.not-met td:nth-child(3){{color:#a31515;font-weight:bold}}pre{{white-space:pre-wrap;margin:0}}</style>\
         <h1>Conformance of {target}</h1><p>{met} met, {failed} not met, {skipped} skipped</p>\
         <table><tr><th>clause</th><th>asks</th><th>outcome</th><th>seen instead</th></tr>\n{rows}</table></html>\n",
        target = escape(target)
    )
}
