//! Draws what `growth` measured: latency over the size of the store, one panel a scenario, as SVG.

use std::fmt::Write as _;

use serde_json::Value;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 200.0;
const MARGIN: f64 = 48.0;

/// One measured point: documents, p50, p99 (milliseconds).
type Point = (f64, f64, f64);

/// The chart of a file of JSON lines.
pub(crate) fn draw(lines: &str) -> String {
    let mut panels: Vec<(String, Vec<Point>)> = Vec::new();
    for line in lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let number = |key: &str| line[key].as_f64();
        let (Some(documents), Some(p50), Some(p99)) = (number("documents"), number("p50_ms"), number("p99_ms")) else {
            continue;
        };
        let title = format!(
            "{} at {}/s, {}",
            line["scenario"].as_str().unwrap_or_default(),
            line["rate_asked"],
            line["store"].as_str().unwrap_or_default()
        );
        match panels.iter_mut().find(|(known, _)| *known == title) {
            Some((_, points)) => points.push((documents, p50, p99)),
            None => panels.push((title, vec![(documents, p50, p99)])),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a handful of panels")]
    let width = panels.len() as f64 * (WIDTH + MARGIN) + MARGIN;
    let height = HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut left = MARGIN;
    for (title, points) in &panels {
        panel(&mut svg, left, title, points);
        left += WIDTH + MARGIN;
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, left: f64, title: &str, points: &[Point]) {
    let (first, last) = (points.first().map_or(1.0, |p| p.0.log10()), points.last().map_or(1.0, |p| p.0.log10()));
    let top = points.iter().map(|p| p.2).fold(1.0, f64::max) * 1.1;
    let x = |documents: f64| left + (documents.log10() - first) / (last - first).max(0.1) * (WIDTH - 20.0) + 10.0;
    let y = |ms: f64| MARGIN + HEIGHT - ms / top * HEIGHT;
    let bottom = MARGIN + HEIGHT;
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{title}</text>", MARGIN - 24.0);
    let _ = writeln!(svg, "<path d=\"M{left} {MARGIN} V{bottom} H{}\" fill=\"none\" stroke=\"#888\"/>", left + WIDTH);
    for share in [0.5, 1.0] {
        let ms = top * share;
        let at = y(ms);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{at:.0}\" text-anchor=\"end\">{ms:.0} ms</text>", left - 3.0);
    }
    for (documents, _, _) in points {
        let at = x(*documents);
        let power = documents.log10();
        let _ =
            writeln!(svg, "<text x=\"{at:.0}\" y=\"{}\" text-anchor=\"middle\">10^{power:.0}</text>", bottom + 14.0);
    }
    for (name, colour, value) in
        [("p50", "#2a6", (|p: &Point| p.1) as fn(&Point) -> f64), ("p99", "#c33", |p: &Point| p.2)]
    {
        let path: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(value(p)))).collect();
        let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\"/>", path.join(" "));
        for point in points {
            let (at, ms) = (x(point.0), value(point));
            let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", y(ms));
            let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" fill=\"{colour}\">{ms:.1}</text>", y(ms) - 6.0);
        }
        if let Some(point) = points.last() {
            let _ =
                writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{name}</text>", x(point.0) + 6.0, y(value(point)) + 4.0);
        }
    }
}
