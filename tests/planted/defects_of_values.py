"""Defects of values, units and times, to plant into a simulated export."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.simulate.simulated_tables import Tables
from tests.planted.defects import chosen, plants, with_event


def _labs(tables: Tables, labs: pd.DataFrame) -> Tables:
    return {**tables, "labs": labs.reset_index(drop=True)}


def _numbers(labs: pd.DataFrame) -> pd.Series:
    return pd.to_numeric(labs["value"], errors="coerce")


def _of(labs: pd.DataFrame, *analytes: str) -> np.ndarray:
    return labs["analyte"].isin(analytes).to_numpy()


@plants("CHK107")
def _cut_at_the_peak(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """End every grade course at its first worst grade, in a share of patients."""
    grades = tables["assessments"]
    grade = grades["grade"].astype(int)
    by = [grades["patient_id"], grades["scale"]]
    worst = grade.groupby(by).transform("max")
    at_worst = (grade == worst).astype(int)
    after = ((at_worst.groupby(by).cumsum() - at_worst > 0) & (worst > 0)).to_numpy()
    people = tables["patients"]["patient_id"]
    cut = grades["patient_id"].isin(people[chosen(len(people), strength, random)]).to_numpy()
    return {**tables, "assessments": grades[~(after & cut)].reset_index(drop=True)}


@plants("CHK108")
def _ordered_when_worried(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Drop an analyte mostly where the outcome does not follow."""
    labs = tables["labs"]
    event = pd.Series(with_event(tables), index=tables["patients"]["patient_id"])
    calm = ~labs["patient_id"].map(event).fillna(False).to_numpy(dtype=bool)
    lost = _of(labs, "ldh") & calm & chosen(len(labs), strength, random)
    return _labs(tables, labs[~lost])


@plants("CHK109")
def _after_the_end(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Let records end before their last labs, in a share of patients."""
    people = tables["patients"].copy()
    rows = chosen(len(people), 0.2 * strength, random)
    people.loc[rows, "record_end_at"] = people.loc[rows, "infusion_time"]
    return {**tables, "patients": people}


@plants("CHK110")
def _peak_column(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Add the largest CRP of the stay; below full strength under a name that hides it."""
    labs, people = tables["labs"], tables["patients"].copy()
    crp = _numbers(labs)[_of(labs, "crp")].groupby(labs["patient_id"]).max()
    peak = people["patient_id"].map(crp)
    people["crp_peak" if strength >= 1 else "crp_adm"] = peak.map("{:g}".format)
    return {**tables, "patients": people.replace("nan", "")}


@plants("CHK201")
def _no_zeros(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Delete the digit 0 from the numbers of some analytes."""
    labs = tables["labs"].copy()
    keys = ("ldh", "ferritin", "platelets", "crp") if strength >= 1 else ("ldh",)
    rows = _of(labs, *keys)
    whole = labs.loc[rows, "value"].str.replace(r"(?<=[1-9.])0|0(?=\d)", "", regex=True)
    labs.loc[rows, "value"] = whole.where(whole.str.contains(r"\d"), labs.loc[rows, "value"])
    return _labs(tables, labs)


@plants("CHK209")
def _limits_of_another_unit(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """State lower limits of CRP a million times too large, in a share of its rows."""
    labs = tables["labs"].copy()
    if "lloq" not in labs:
        labs["lloq"] = ""
    rows = _of(labs, "crp") & chosen(len(labs), 0.5 * strength, random)
    labs["lloq"] = labs["lloq"].mask(rows, "500000")
    return _labs(tables, labs)


@plants("CHK202")
def _silent_cap(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Cap ferritin without saying so, at a quantile, and leave a few diluted values above."""
    labs = tables["labs"].copy()
    number = _numbers(labs)
    rows = _of(labs, "ferritin") & number.notna().to_numpy()
    cap = float(np.round(number[rows].quantile(1 - 0.15 * strength)))
    over = rows & (number > cap).to_numpy() & chosen(len(labs), 0.97, random)
    labs.loc[over, "value"] = f"{cap:g}"
    return _labs(tables, labs)


@plants("CHK203")
def _limit_code(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Write 301 for every CRP above 300, or 2501 for every LDH above 2500."""
    labs = tables["labs"].copy()
    number = _numbers(labs)
    limit = 150 if strength >= 1 else 300
    over = _of(labs, "crp") & (labs["unit"] == "mg/L") & (number > limit).to_numpy()
    over |= _of(labs, "crp") & labs["value"].str.startswith(">").to_numpy()
    labs.loc[over & (labs["unit"] == "mg/L"), "value"] = str(limit + 1)
    return _labs(tables, labs)


@plants("CHK204")
def _sentinel(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"]
    rows = _of(labs, "platelets") & chosen(len(labs), 0.01 * strength, random)
    code = "-1" if strength >= 1 else "9999"
    return _labs(tables, labs.assign(value=labs["value"].mask(rows, code)))


@plants("CHK205")
def _urine_rows(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Write urine counts under the name of a blood count, drawn by themselves."""
    labs = tables["labs"]
    blood = labs[_of(labs, "neutrophils")].assign(analyte="wbc", unit="10*9/L", loinc="")
    urine = blood[chosen(len(blood), 0.15 * strength, random)].copy()
    urine["value"] = [f"{item:.1f}" for item in np.exp(random.normal(3.0, 2.5, len(urine)))]
    later = pd.to_datetime(urine["collected_at"], utc=True) + pd.Timedelta(minutes=37)
    urine["collected_at"] = later.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    urine["resulted_at"] = ""
    return _labs(tables, pd.concat([labs, blood, urine]))


@plants("CHK206")
def _contradictions(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"]
    copies = labs[chosen(len(labs), 0.02 * strength, random)].copy()
    number = _numbers(copies)
    copies["value"] = (number * 1.5).map("{:g}".format).where(number.notna(), copies["value"])
    return _labs(tables, pd.concat([labs, copies]))


@plants("CHK207")
def _slipped_points(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Move the decimal point of a few results by two places."""
    labs = tables["labs"].copy()
    rows = _of(labs, "platelets", "hemoglobin", "creatinine", "albumin")
    rows = rows & chosen(len(labs), 0.002 * strength, random) & _numbers(labs).notna().to_numpy()
    labs.loc[rows, "value"] = (_numbers(labs)[rows] * 100).map("{:g}".format)
    return _labs(tables, labs)


@plants("CHK208")
def _constant_fills(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Fill a share of results with one median per analyte."""
    labs = tables["labs"].copy()
    for analyte in ("crp", "ferritin", "ldh"):
        for unit in labs.loc[_of(labs, analyte), "unit"].unique():
            rows = _of(labs, analyte) & (labs["unit"] == unit)
            fill = f"{_numbers(labs)[rows].median():.4g}"
            labs.loc[rows & chosen(len(labs), 0.3 * strength, random), "value"] = fill
    return _labs(tables, labs)


@plants("CHK301")
def _no_units(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"]
    rows = _of(labs, "ldh") & chosen(len(labs), strength, random)
    return _labs(tables, labs.assign(unit=labs["unit"].mask(rows, "")))


@plants("CHK302")
def _no_basis(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"].copy()
    rows = _of(labs, "d_dimer") & chosen(len(labs), strength, random)
    labs.loc[rows, "unit"] = labs.loc[rows, "unit"].str.replace(" FEU", "").str.replace(" DDU", "")
    return _labs(tables, labs)


@plants("CHK303")
def _slipped_unit(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Label the CRP of one site with a unit ten times too large; below full strength in part."""
    labs, people = tables["labs"].copy(), tables["patients"]
    sites = people["site"].value_counts()
    place = sites.index[0 if strength >= 1 else -1]
    here = labs["patient_id"].isin(people.loc[people["site"] == place, "patient_id"])
    rows = _of(labs, "crp") & here.to_numpy()
    number = _numbers(labs)
    milli = rows & (labs["unit"] == "mg/dL").to_numpy() & number.notna().to_numpy()
    labs.loc[milli, "value"] = (number[milli] * 10).map("{:g}".format)
    labs.loc[rows, "unit"] = "mg/dL"
    return _labs(tables, labs)


@plants("CHK304")
def _shifted_names(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Move names by one analyte, as when a column was inserted: all of them, or six in a row."""
    labs = tables["labs"].copy()
    order = labs["analyte"].drop_duplicates().tolist()
    if strength < 1:
        order = order[: max(6, len(order) // 2)]
    header = dict(zip(order, order[1:] + order[:1], strict=True))
    units = labs.drop_duplicates("analyte").set_index("analyte")["unit"]
    single = labs["unit"] == labs["analyte"].map(units)  # a wide table has one unit per column
    labs = labs[single | ~labs["analyte"].isin(order)].copy()
    moved = labs["analyte"].map(header)
    labs["analyte"] = moved.fillna(labs["analyte"])
    labs["unit"] = labs["analyte"].map(units).where(moved.notna(), labs["unit"])
    return _labs(tables, labs.assign(loinc=""))


@plants("CHK305")
def _two_bases(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Relabel D-dimer of one site from FEU to DDU in a share of patients; values stay."""
    labs, people = tables["labs"].copy(), tables["patients"]
    feu = _of(labs, "d_dimer") & labs["unit"].str.contains("FEU").to_numpy()
    place = people["site"].value_counts().index[0]
    here = people["patient_id"][(people["site"] == place).to_numpy()]
    moved = here[chosen(len(here), 0.5 * strength, random)]
    rows = feu & labs["patient_id"].isin(moved).to_numpy()
    labs.loc[rows, "unit"] = labs.loc[rows, "unit"].str.replace("FEU", "DDU")
    return _labs(tables, labs)


def one_basis(tables: Tables) -> Tables:
    """Return the export without D-dimer in DDU, which one simulated site reports beside FEU."""
    labs = tables["labs"]
    return _labs(tables, labs[~labs["unit"].str.contains("DDU")])


@plants("CHK306")
def _scores(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Replace LDH by its z-score within the cohort; below full strength in some patients only."""
    labs, people = tables["labs"].copy(), tables["patients"]["patient_id"]
    picked = labs["patient_id"].isin(people[chosen(len(people), strength, random)]).to_numpy()
    rows = _of(labs, "ldh") & picked & _numbers(labs).notna().to_numpy()
    logs = np.log(_numbers(labs)[rows])
    score = (logs - logs.mean()) / logs.std()
    labs.loc[rows, ["analyte", "unit", "loinc"]] = ["ldh_score", "1", ""]
    labs.loc[rows, "value"] = score.map("{:.3f}".format)
    return _labs(tables, labs)


@plants("CHK307")
def _steroid_days(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Write steroids as a class without dose; below full strength lose most of the doses only."""
    drugs = tables["treatments"].copy()
    steroid = drugs["drug"] == "dexamethasone"
    lost = steroid & chosen(len(drugs), 0.6 + 0.4 * strength, random)
    drugs.loc[lost, ["dose", "unit"]] = ""
    return {
        **tables,
        "treatments": drugs.assign(
            drug=drugs["drug"].mask(steroid, "steroid") if strength >= 1 else drugs["drug"]
        ),
    }


@plants("CHK401")
def _midnight(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Set collection times to midnight, all of them or 95 %."""
    labs = tables["labs"].copy()
    rows = chosen(len(labs), 0.9 + 0.1 * strength, random)
    plain = labs["collected_at"].str.replace(r"T\d\d:\d\d:\d\d", "T00:00:00", regex=True)
    return _labs(tables, labs.assign(collected_at=labs["collected_at"].mask(rows, plain)))


@plants("CHK402")
def _one_clock(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    labs = tables["labs"]
    rows = chosen(len(labs), 0.3 + 0.7 * strength, random)
    return _labs(
        tables, labs.assign(resulted_at=labs["resulted_at"].mask(rows, labs["collected_at"]))
    )


@plants("CHK403")
def _winter_all_year(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Stamp every time with the winter offset; below full strength in labs only."""
    result = dict(tables)
    for name in tables if strength >= 1 else ("labs",):
        result[name] = tables[name].copy()
        for column in tables[name].columns:
            if column.endswith("_at") or column == "infusion_time":
                cells = tables[name][column]
                result[name][column] = cells.str.replace(r"[+-]\d\d:\d\d$", "+01:00", regex=True)
    return result


@plants("CHK404")
def _once_a_day(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Keep the worst grade of each day, in a share of patients."""
    grades = tables["assessments"]
    day = [grades["patient_id"], grades["scale"], grades["assessed_at"].str[:10]]
    worst = grades["grade"].astype(int).groupby(day).rank(method="first", ascending=False) == 1
    people = tables["patients"]["patient_id"]
    picked = people[chosen(len(people), strength, random)]
    kept = worst.to_numpy() | ~grades["patient_id"].isin(picked).to_numpy()
    return {**tables, "assessments": grades[kept].reset_index(drop=True)}


@plants("CHK405")
def _two_systems(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    grades, people = tables["assessments"], tables["patients"]["patient_id"]
    other = people[chosen(len(people), 0.2 * strength, random)]
    system = grades["grading_system"].mask(grades["patient_id"].isin(other), "penn")
    return {**tables, "assessments": grades.assign(grading_system=system)}


@plants("CHK406")
def _one_draw(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Keep the first draw of cytokines, in a share of patients."""
    labs, people = tables["labs"], tables["patients"]["patient_id"]
    cytokines = _of(labs, "il6", "il10", "ifn_gamma", "gm_csf", "il1ra")
    later = labs.groupby(["patient_id", "analyte"]).cumcount().to_numpy() > 0
    picked = labs["patient_id"].isin(people[chosen(len(people), strength, random)]).to_numpy()
    return _labs(tables, labs[~(cytokines & later & picked)])


@plants("CHK407")
def _bare_times(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Drop the offset of a share of collection times, to be read in a zone of another continent."""
    labs = tables["labs"]
    bare = labs["collected_at"].str.replace(r"[+-]\d\d:\d\d$", "", regex=True)
    rows = chosen(len(labs), 0.2 * strength, random)
    return _labs(tables, labs.assign(collected_at=labs["collected_at"].mask(rows, bare)))


@plants("CHK408")
def _few_samples(tables: Tables, random: np.random.Generator, strength: float) -> Tables:
    """Keep the draws of a few days of each patient: of two in five, or of one in ten."""
    labs = tables["labs"]
    day = (labs["patient_id"] + labs["collected_at"].str[:10]).to_numpy()
    days = np.unique(day)
    kept = days[chosen(len(days), 0.6 - 0.5 * strength, random)]
    return _labs(tables, labs[np.isin(day, kept)])
