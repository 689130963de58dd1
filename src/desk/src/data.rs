//! Data that are no documents: measures and the devices that take them. Put in, read, changed and taken away under the
//! rights of their brick (`brick-rights.tsv`), each version kept until the datum is taken away.

use access::{DataAction, Permit};
use space::{
    Cause, Dtm, Ins, Refusal, Role, Settings, SpaceId,
    data::{Authorship, Brick, Content, Datum, DatumKind, StoredDatum, TimeTest},
    measure::{BODY_MASS_INDEX, INDEX_OF, Measure, MeasuringDevice},
    trace::Act,
};
use store::{DataQuery, DatumWrite};

use crate::{
    Caller, Desk, Fault,
    act::{Acting, Attempt, on_settings},
};

/// What the id of an index begins with; that of the weight it is calculated from follows.
const INDEX: &str = "bmi-";
/// Heights that indices are calculated from, at most.
const HEIGHTS: usize = 2_000;
/// Versions told of one datum.
const VERSIONS: i64 = 100;
/// Bytes of what came that a page holds, about: one of many large measures ends early.
const PAGE_BYTES: usize = 4 << 20;
/// Rows looked at in one go, at most: however far a page is, only so many are held at once.
const PORTION: usize = 1_000;
/// The same at least, where each is looked at closer.
const LOOKED_AT: usize = 200;
/// Rows looked at in one go, at least.
const CHUNK: usize = 50;

/// How what came is kept: told the id of the device that it is linked to.
pub type Original<'a> = &'a (dyn Fn(Option<&str>) -> Option<String> + Sync);

/// Whom a request names, beside its credential: both must be the same holder.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    /// By number.
    pub ins: Option<Ins>,
    /// By space, as references write it.
    pub space: Option<SpaceId>,
}

impl Whose {
    fn is(&self, space: SpaceId) -> Result<(), Refusal> {
        match self.space {
            Some(named) if named != space => Err(Refusal::new(Cause::PatientMismatch)),
            _ => Ok(()),
        }
    }
}

/// A measure to be put in.
#[derive(Clone, Copy)]
pub struct NewMeasure<'a> {
    /// What it says.
    pub measure: &'a Measure,
    /// What it came as.
    pub original: Original<'a>,
    /// The device that came with it, and what that came as.
    pub device: Option<(&'a MeasuringDevice, &'a str)>,
}

impl std::fmt::Debug for NewMeasure<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewMeasure").field("kind", &self.measure.kind).finish_non_exhaustive()
    }
}

/// What stands after a datum was put in or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The holder.
    pub ins: Ins,
    /// The space.
    pub space: SpaceId,
    /// The version that stands.
    pub stored: StoredDatum,
    /// The device that came with it: its id and version, and whether it is new here.
    pub device: Option<(String, u32, bool)>,
}

/// On which versions an act is to be carried out (HTTP `If-Match`); on any when empty.
pub type Expected<'a> = &'a [u32];

/// Which measures are looked for.
#[derive(Debug, Clone, Default)]
pub struct MeasureQuery {
    /// Words of their kinds; all when empty.
    pub kinds: Vec<String>,
    /// Times that all stand to theirs as is said.
    pub times: Vec<TimeTest>,
    /// Oldest first; newest first otherwise.
    pub oldest_first: bool,
    /// After what the page before ended with.
    pub after: Option<Place>,
    /// How many to leave out from there.
    pub skip: usize,
    /// How many at most.
    pub limit: usize,
    /// Whether all are to be counted.
    pub counted: bool,
    /// Nothing can fit: nothing is looked at.
    pub none: bool,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// When that measure was taken, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Its id.
    pub id: String,
    /// Whether the index that is calculated from it is still to come.
    pub half: bool,
}

/// Measures found.
#[derive(Debug, Clone)]
pub struct MeasuresFound {
    /// The holder.
    pub ins: Ins,
    /// The space.
    pub space: SpaceId,
    /// A page of them.
    pub measures: Vec<StoredDatum>,
    /// The devices that took them, each once.
    pub devices: Vec<StoredDatum>,
    /// How many there are on all pages, when that was asked.
    pub total: Option<u64>,
    /// Where the page ended, when there are more.
    pub next: Option<Place>,
}

/// Tells of a datum whether it is looked for, where the query cannot.
pub type Wanted = dyn Fn(&StoredDatum) -> bool + Send + Sync;

/// One datum with whom it is about.
#[derive(Debug, Clone)]
pub struct DatumRead {
    /// The holder.
    pub ins: Ins,
    /// The space.
    pub space: SpaceId,
    /// Its versions that were asked for, newest first: at least one.
    pub versions: Vec<StoredDatum>,
}

impl Desk {
    /// Puts a measure in, with the device that took it where there is none of its number yet (API Mesures 1.5.2 *write*).
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not, or with everything wrong about the measure.
    pub async fn add_measure(&self, caller: &Caller, whose: &Whose, new: NewMeasure<'_>) -> Result<Kept, Fault> {
        let (id, device_id) = (self.rng.uuid().to_string(), self.rng.uuid().to_string());
        let acting = Acting::new(self, caller, Act::AddData, vec![id.clone()]);
        let (ins, space) = self.enter(&acting, whose.ins.as_ref()).await?;
        on_settings!(acting, space, |settings| {
            whose.is(space)?;
            let actor = &caller.actor;
            let permit = self.tables.decide_data(actor, Brick::Measures, DataAction::Add, space, None, &settings)?;
            self.check_measure(&permit, new.measure).await?;
            let author = authorship(caller)?;
            let mut writes = Vec::with_capacity(2);
            let mut measure = new.measure.clone();
            let mut device = None;
            if let Some((came, original)) = new.device {
                let known = self.store.datum_named(&permit, DatumKind::Device, &came.key()).await?;
                let (device_id, version, is_new) = match known {
                    Some(known) => (known.id, known.version, false),
                    None => (device_id.clone(), 1, true),
                };
                if is_new {
                    let content = Content::Device(came.clone());
                    let datum = Datum { content, author: author.clone(), original: Some(original.to_owned()) };
                    writes.push(write(DatumKind::Device, &device_id, 0, Some(datum)));
                }
                measure.device = Some(device_id.clone());
                device = Some((device_id, version, is_new));
            } else if let Some(named) = &measure.device {
                self.known_device(&permit, named).await?;
            }
            let original = (new.original)(measure.device.as_deref());
            let datum = Datum { content: Content::Measure(Box::new(measure)), author, original };
            writes.push(write(DatumKind::Measure, &id, 0, Some(datum.clone())));
            let event = acting.done(&permit);
            self.store.write_data(&permit, writes, &event, Vec::new()).await?;
            let stored = StoredDatum { id: id.clone(), version: 1, recorded_ms: event.at_ms, datum: Some(datum) };
            Ok(Kept { ins: ins.clone(), space, stored, device })
        })
    }

    /// Whether the caller may put measures in at all: asked before what is to be judged is looked at.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it may not; the trace of it is committed.
    pub async fn may_add_measure(&self, caller: &Caller) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::AddData, Vec::new());
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let actor = &caller.actor;
            self.tables.decide_data(actor, Brick::Measures, DataAction::Add, space, None, &settings)?;
            Ok(())
        })
    }

    /// Whether a measure would be taken: the same verdict as [`Desk::add_measure`], and nothing is put in.
    ///
    /// # Errors
    /// As [`Desk::add_measure`].
    pub async fn validate_measure(&self, caller: &Caller, whose: &Whose, measure: &Measure) -> Result<(), Fault> {
        let acting = Acting::new(self, caller, Act::AddData, Vec::new());
        let (_, space) = self.enter(&acting, whose.ins.as_ref()).await?;
        on_settings!(acting, space, |settings| {
            whose.is(space)?;
            let actor = &caller.actor;
            let permit = self.tables.decide_data(actor, Brick::Measures, DataAction::Add, space, None, &settings)?;
            self.check_measure(&permit, measure).await?;
            if let Some(named) = &measure.device {
                self.known_device(&permit, named).await?;
            }
            let read = Acting { act: Act::ReadData, targets: Vec::new(), ..acting };
            self.store.record(&permit, &read.done(&permit), Vec::new()).await?;
            Ok(())
        })
    }

    /// Gives a measure a new version; who put it in stays its author.
    ///
    /// # Errors
    /// As [`Desk::add_measure`]; [`Cause::DatumChanged`] when another version stands than was expected.
    pub async fn change_measure(
        &self,
        caller: &Caller,
        id: &str,
        whose: &Whose,
        new: NewMeasure<'_>,
        expected: Expected<'_>,
    ) -> Result<Kept, Fault> {
        let acting = Acting::new(self, caller, Act::ChangeData, vec![id.to_owned()]);
        let (ins, space) = self.enter(&acting, whose.ins.as_ref()).await?;
        on_settings!(acting, space, |settings| {
            whose.is(space)?;
            let (permit, standing) =
                self.standing(caller, DatumKind::Measure, id, DataAction::Change, space, &settings).await?;
            let author = expect(&standing, expected)?.author.clone();
            self.check_measure(&permit, new.measure).await?;
            if let Some(named) = &new.measure.device {
                self.known_device(&permit, named).await?;
            }
            let original = (new.original)(new.measure.device.as_deref());
            let datum = Datum { content: Content::Measure(Box::new(new.measure.clone())), author, original };
            let event = acting.done(&permit);
            let writes = vec![write(DatumKind::Measure, id, standing.version, Some(datum.clone()))];
            self.store.write_data(&permit, writes, &event, Vec::new()).await?;
            let version = standing.version + 1;
            let stored = StoredDatum { id: id.to_owned(), version, recorded_ms: event.at_ms, datum: Some(datum) };
            Ok(Kept { ins: ins.clone(), space, stored, device: None })
        })
    }

    /// Takes a datum away, with every version of it; gives the number of the version that says so, or none when there was
    /// nothing to take away any more.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is unknown, the caller may not, or another version stands than was expected.
    pub async fn remove_datum(
        &self,
        caller: &Caller,
        kind: DatumKind,
        id: &str,
        expected: Expected<'_>,
    ) -> Result<Option<u32>, Fault> {
        let acting = Acting::new(self, caller, Act::RemoveData, vec![id.to_owned()]);
        let space = self.enter_known(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let (permit, standing) = self.standing(caller, kind, id, DataAction::Remove, space, &settings).await?;
            let event = acting.done(&permit);
            if standing.datum.is_none() {
                // A condition on a version finds none.
                if !expected.is_empty() {
                    return Err(Refusal::new(Cause::DatumChanged).at("If-Match").into());
                }
                self.store.record(&permit, &event, Vec::new()).await?;
                return Ok(None);
            }
            expect(&standing, expected)?;
            self.store.write_data(&permit, vec![write(kind, id, standing.version, None)], &event, Vec::new()).await?;
            Ok(Some(standing.version + 1))
        })
    }

    /// Reads a datum: its present version, or another.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is unknown or was taken away, or the caller may not.
    pub async fn read_datum(
        &self,
        caller: &Caller,
        kind: DatumKind,
        id: &str,
        version: Option<u32>,
    ) -> Result<DatumRead, Fault> {
        let acting = Acting::new(self, caller, Act::ReadData, vec![id.to_owned()]);
        let (ins, space) = self.enter(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.reading(caller, kind, space, &settings)?;
            let weight = id.strip_prefix(INDEX).filter(|_| kind == DatumKind::Measure);
            let found = match (weight, version) {
                (Some(weight), None) => self.index_of(&permit, weight).await?,
                // What is calculated each time has no versions.
                (Some(_), Some(_)) => None,
                (None, None) => self.store.datum(&permit, kind, id).await?,
                (None, Some(version)) => self.store.datum_version(&permit, kind, id, version).await?,
            };
            let found = found.ok_or(Refusal::new(Cause::UnknownDatum))?;
            if found.datum.is_none() {
                return Err(Refusal::new(Cause::DatumRemoved).into());
            }
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(DatumRead { ins: ins.clone(), space, versions: vec![found] })
        })
    }

    /// Reads the versions of a datum, the newest hundred first. Of one that was taken away there is nothing to read but that it was.
    ///
    /// # Errors
    /// [`Fault::Refused`] when it is unknown, or the caller may not.
    pub async fn datum_versions(&self, caller: &Caller, kind: DatumKind, id: &str) -> Result<DatumRead, Fault> {
        let acting = Acting::new(self, caller, Act::ReadData, vec![id.to_owned()]);
        let (ins, space) = self.enter(&acting, None).await?;
        on_settings!(acting, space, |settings| {
            let permit = self.reading(caller, kind, space, &settings)?;
            let versions = self.store.datum_versions(&permit, kind, id, VERSIONS).await?;
            if versions.is_empty() {
                return Err(Refusal::new(Cause::UnknownDatum).into());
            }
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(DatumRead { ins: ins.clone(), space, versions })
        })
    }

    /// Searches the measures of a holder, with the indices calculated from them; `wanted` tells what the query cannot.
    ///
    /// # Errors
    /// [`Fault::Refused`] when the caller may not.
    pub async fn find_measures(
        &self,
        caller: &Caller,
        whose: &Whose,
        query: &MeasureQuery,
        wanted: Option<&Wanted>,
    ) -> Result<MeasuresFound, Fault> {
        let acting = Acting::new(self, caller, Act::ReadData, query.kinds.clone());
        let (ins, space) = self.enter(&acting, whose.ins.as_ref()).await?;
        on_settings!(acting, space, |settings| {
            whose.is(space)?;
            let permit = self.reading(caller, DatumKind::Measure, space, &settings)?;
            let (measures, next) =
                if query.none { (Vec::new(), None) } else { self.page(&permit, query, wanted).await?.cut() };
            let total = if query.none {
                Some(0)
            } else if query.counted {
                Some(self.count(&permit, query, wanted).await?)
            } else {
                None
            };
            let mut ids: Vec<String> = measures.iter().filter_map(device_of).collect();
            ids.sort_unstable();
            ids.dedup();
            let devices = self.store.data_of(&permit, DatumKind::Device, &ids).await?;
            self.store.record(&permit, &acting.done(&permit), acting.emergency_notice()).await?;
            Ok(MeasuresFound { ins: ins.clone(), space, measures, devices, total, next })
        })
    }

    fn reading(
        &self,
        caller: &Caller,
        kind: DatumKind,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<Permit, Refusal> {
        self.tables.decide_data(&caller.actor, kind.brick(), DataAction::Read, space, None, settings)
    }

    /// What stands of a datum, and leave to act on it. Who may not even read learns nothing of what stands.
    async fn standing(
        &self,
        caller: &Caller,
        kind: DatumKind,
        id: &str,
        action: DataAction,
        space: SpaceId,
        settings: &Settings,
    ) -> Result<(Permit, StoredDatum), Attempt> {
        let reading = self.reading(caller, kind, space, settings)?;
        if id.starts_with(INDEX) {
            return Err(Refusal::new(Cause::MeasureCalculated).into());
        }
        let standing = self.store.datum(&reading, kind, id).await?.ok_or(Refusal::new(Cause::UnknownDatum))?;
        let author = standing.datum.as_ref().map(|d| &d.author);
        // Of what was taken away nobody is the author any more: that it is gone is told, not whose it was.
        if author.is_none() && action == DataAction::Change {
            return Err(Refusal::new(Cause::DatumRemoved).into());
        }
        let permit = self.tables.decide_data(&caller.actor, kind.brick(), action, space, author, settings)?;
        Ok((permit, standing))
    }

    async fn check_measure(&self, permit: &Permit, measure: &Measure) -> Result<(), Attempt> {
        let (holder, _) = self.store.holder(permit).await?;
        let now = Dtm::from_timestamp(self.clock.now());
        measure.check(&self.terms.measures, now, Some(&holder.traits.birth_date)).map_err(Attempt::Refused)
    }

    async fn known_device(&self, permit: &Permit, id: &str) -> Result<(), Attempt> {
        let found = self.store.datum(permit, DatumKind::Device, id).await?;
        match found.and_then(|f| f.datum) {
            Some(_) => Ok(()),
            None => Err(Refusal::new(Cause::DeviceReference).at("device.reference").into()),
        }
    }

    /// A page: rows are taken in portions until there are enough that are wanted.
    async fn page(&self, permit: &Permit, query: &MeasureQuery, wanted: Option<&Wanted>) -> Result<Page, Attempt> {
        let is_wanted = |datum: &StoredDatum| wanted.is_none_or(|wanted| wanted(datum));
        let plan = Plan::of(query);
        let mut rows = plan.rows.clone();
        let heights = if plan.indices { self.heights(permit).await? } else { Vec::new() };
        let mut page = Page { skip: query.skip, limit: query.limit, ..Page::default() };
        if let Some(after) = query.after.as_ref().filter(|after| after.half) {
            let weight = self.store.data_of(permit, DatumKind::Measure, std::slice::from_ref(&after.id)).await?;
            let index = weight.first().and_then(|weight| index(weight, &heights));
            page.add(index.filter(is_wanted), after.at_ms, &after.id, false);
        }
        let enough = query.limit.saturating_add(query.skip).saturating_add(1);
        loop {
            rows.limit = enough
                .saturating_sub(page.found.len())
                .max(if wanted.is_some() { LOOKED_AT } else { CHUNK.min(enough) })
                .min(PORTION);
            let portion = self.store.data(permit, &rows).await?;
            let came = portion.len();
            for stored in portion {
                let at_ms = stored.datum.as_ref().map_or(0, |d| d.content.at_ms());
                let id = stored.id.clone();
                let index = index(&stored, &heights).filter(is_wanted);
                if plan.tells(&stored) && is_wanted(&stored) && page.add(Some(stored), at_ms, &id, index.is_some()) {
                    return Ok(page);
                }
                if index.is_some() && page.add(index, at_ms, &id, false) {
                    return Ok(page);
                }
                rows.after = Some((at_ms, id));
            }
            if came < rows.limit {
                page.last = None;
                return Ok(page);
            }
        }
    }

    async fn count(&self, permit: &Permit, query: &MeasureQuery, wanted: Option<&Wanted>) -> Result<u64, Attempt> {
        if wanted.is_none() {
            let Plan { rows, kinds, indices } = Plan::of(query);
            let told = if kinds.is_empty() { Vec::new() } else { told_of(&kinds) };
            let only_indices = !kinds.is_empty() && told.is_empty();
            let of = |codes| DataQuery { codes, after: None, ..rows.clone() };
            let mut count = if only_indices { 0 } else { self.store.count_data(permit, &of(told)).await? };
            // A weight has an index as soon as any height is known.
            if indices && !self.heights(permit).await?.is_empty() {
                count += self.store.count_data(permit, &of(vec![INDEX_OF.0.to_owned()])).await?;
            }
            return Ok(count);
        }
        // All of them are passed over: counted, and none kept.
        let all = MeasureQuery { after: None, skip: usize::MAX, limit: 0, ..query.clone() };
        let page = self.page(permit, &all, wanted).await?;
        Ok((usize::MAX - page.skip) as u64)
    }

    async fn heights(&self, permit: &Permit) -> Result<Vec<StoredDatum>, Attempt> {
        let query = DataQuery {
            codes: vec![INDEX_OF.1.to_owned()],
            newest_first: false,
            ..DataQuery::of(DatumKind::Measure, HEIGHTS)
        };
        let mut heights = self.store.data(permit, &query).await?;
        heights.retain(|h| measure_of(h).is_some_and(|m| !m.void));
        Ok(heights)
    }

    async fn index_of(&self, permit: &Permit, weight: &str) -> Result<Option<StoredDatum>, Attempt> {
        let Some(weight) = self.store.datum(permit, DatumKind::Measure, weight).await? else { return Ok(None) };
        Ok(index(&weight, &self.heights(permit).await?))
    }
}

/// Which rows a query needs, and what of them is told.
struct Plan {
    rows: DataQuery,
    /// Kinds that are told; all when empty.
    kinds: Vec<String>,
    indices: bool,
}

impl Plan {
    fn of(query: &MeasureQuery) -> Self {
        let indices = query.kinds.is_empty() || query.kinds.iter().any(|k| k == BODY_MASS_INDEX);
        let mut codes = told_of(&query.kinds);
        let weight = INDEX_OF.0.to_owned();
        if indices && !query.kinds.is_empty() && !codes.contains(&weight) {
            codes.push(weight);
        }
        let rows = DataQuery {
            kind: DatumKind::Measure,
            codes,
            times: query.times.clone(),
            newest_first: !query.oldest_first,
            after: query.after.as_ref().map(|p| (p.at_ms, p.id.clone())),
            limit: 0,
        };
        Self { rows, kinds: query.kinds.clone(), indices }
    }

    fn tells(&self, stored: &StoredDatum) -> bool {
        let kind = stored.datum.as_ref().map_or("", |d| d.content.code());
        self.kinds.is_empty() || self.kinds.iter().any(|k| k == kind)
    }
}

/// A page that is being filled.
#[derive(Default)]
struct Page {
    skip: usize,
    limit: usize,
    bytes: usize,
    found: Vec<StoredDatum>,
    last: Option<Place>,
}

impl Page {
    /// Takes one more; whether there was no room for it.
    fn add(&mut self, datum: Option<StoredDatum>, at_ms: i64, id: &str, half: bool) -> bool {
        let Some(datum) = datum else { return false };
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.found.len() == self.limit || self.bytes > PAGE_BYTES {
            return true;
        }
        let came = datum.datum.as_ref().and_then(|d| d.original.as_ref());
        self.bytes += came.map_or(0, String::len);
        self.found.push(datum);
        self.last = Some(Place { at_ms, id: id.to_owned(), half });
        false
    }

    fn cut(self) -> (Vec<StoredDatum>, Option<Place>) {
        (self.found, self.last)
    }
}

/// Kinds that are kept, of those asked for.
fn told_of(kinds: &[String]) -> Vec<String> {
    kinds.iter().filter(|k| *k != BODY_MASS_INDEX).cloned().collect()
}

fn write(kind: DatumKind, id: &str, base: u32, datum: Option<Datum>) -> DatumWrite {
    DatumWrite { kind, id: id.to_owned(), base, datum }
}

fn measure_of(stored: &StoredDatum) -> Option<&Measure> {
    match &stored.datum.as_ref()?.content {
        Content::Measure(measure) => Some(measure),
        Content::Device(_) => None,
    }
}

fn device_of(stored: &StoredDatum) -> Option<String> {
    measure_of(stored)?.device.clone()
}

/// The body mass index of a weight: with the height that was known when it was taken, else the first one known (R146).
fn index(weight: &StoredDatum, heights: &[StoredDatum]) -> Option<StoredDatum> {
    let measure = measure_of(weight).filter(|m| m.is_weight() && !m.void)?;
    let known = heights.partition_point(|h| measure_of(h).is_some_and(|m| m.at.first() <= measure.at.first()));
    let height = heights.get(known.saturating_sub(1))?;
    let index = Measure::body_mass_index(measure, measure_of(height)?)?;
    let datum = Datum { content: Content::Measure(Box::new(index)), author: Authorship::Gateway, original: None };
    Some(StoredDatum {
        id: format!("{INDEX}{}", weight.id),
        version: weight.version,
        recorded_ms: weight.recorded_ms.max(height.recorded_ms),
        datum: Some(datum),
    })
}

/// The datum that stands, if it does, in a version that was expected.
fn expect<'a>(standing: &'a StoredDatum, expected: Expected<'_>) -> Result<&'a Datum, Refusal> {
    let datum = standing.datum.as_ref().ok_or(Refusal::new(Cause::DatumRemoved))?;
    if expected.is_empty() || expected.contains(&standing.version) {
        Ok(datum)
    } else {
        Err(Refusal::new(Cause::DatumChanged).at("If-Match"))
    }
}

/// Who a caller is as an author.
fn authorship(caller: &Caller) -> Result<Authorship, Refusal> {
    match (caller.actor.role, &caller.actor.id) {
        (Role::Holder, _) => Ok(Authorship::Holder),
        (_, Some(id)) => Ok(Authorship::Professional(id.clone())),
        (_, None) => Err(Refusal::new(Cause::BrickReserved)),
    }
}
