"""Names, addresses and NHS numbers that belong to nobody.

Family names are put together from two lists; postcodes lie in an area (LX) that has never been assigned, in the
right shape; NHS numbers carry the 999 that is never issued, with a right check digit.
"""

from collections.abc import Iterator
from random import Random

from services.shared.vocabulary.people import HomeCareZone

# fmt: off
_GIVEN = (
    "Adela", "Alwyn", "Anouk", "Anselm", "Ansuya", "Aurel", "Bellamy", "Berit", "Bram", "Calista", "Cerys", "Corin",
    "Dalia", "Davin", "Delphine", "Edda", "Eamonn", "Elowen", "Emrys", "Esme", "Farid", "Fenella", "Gareth",
    "Ghita", "Gwenda", "Halima", "Harvey", "Hollis", "Idris", "Ilona", "Imre", "Ines", "Isolde", "Jarek", "Jocasta",
    "Joss", "Kalpa", "Kerensa", "Kit", "Laleh", "Leofric", "Linnea", "Lorcan", "Maelis", "Marcin", "Merrin",
    "Mirela", "Nadir", "Nesta", "Odile", "Orla", "Oswin", "Parvin", "Perrin", "Quilla", "Rafe", "Reza", "Rhoswen",
    "Romilly", "Sabra", "Senan", "Sorcha", "Talia", "Tamsin", "Tarek", "Tegan", "Ulric", "Una", "Verity", "Wilmot",
    "Yasmin", "Ysolt", "Zafir", "Zelda",
)
_FAMILY_STARTS = (
    "Alder", "Amber", "Barrow", "Bracken", "Candle", "Cobble", "Corn", "Dapple", "Drift", "Ember", "Fallow", "Fern",
    "Flint", "Gable", "Gorse", "Harrow", "Hazel", "Juniper", "Kettle", "Lantern", "Larch", "Marl", "Mallow",
    "Nettle", "Ochre", "Pebble", "Quarry", "Reed", "Rowan", "Saddle", "Sedge", "Tansy", "Thistle", "Umber", "Vetch",
    "Willow", "Yarrow",
)
_FAMILY_ENDS = (
    "bourne", "combe", "croft", "dene", "fleet", "garth", "holt", "hythe", "lea", "mere", "shaw", "stead", "thorpe",
    "wade", "wick",
)
_STREETS = (
    "Lapwing Road", "Copper Beech Close", "Spinney Rise", "Old Tannery Lane", "Wheatsheaf Row", "Skylark Way",
    "Priory Gate", "Turnpike Gardens", "Millrace Court", "Orchard Terrace", "Beacon View", "Station Yard",
    "Harvest Drive", "Kiln Street", "Chandler Walk", "Almshouse Lane",
)
# fmt: on
_PLACES = {
    HomeCareZone.COALVILLE_AND_ASHBY: ("Coalville", "Ashby-de-la-Zouch"),
    HomeCareZone.CHARNWOOD_NORTH: ("Loughborough", "Shepshed"),
    HomeCareZone.CHARNWOOD_SOUTH: ("Syston", "Birstall"),
    HomeCareZone.WEST_LEICESTER: ("Glenfield", "Kirby Muxloe"),
    HomeCareZone.OADBY_AND_WIGSTON: ("Oadby", "Wigston"),
    HomeCareZone.HINCKLEY: ("Hinckley", "Burbage"),
    HomeCareZone.MELTON: ("Melton Mowbray", "Asfordby"),
    HomeCareZone.SOUTH_LEICESTERSHIRE: ("Blaby", "Whetstone"),
    HomeCareZone.MARKET_HARBOROUGH: ("Market Harborough", "Kibworth"),
    HomeCareZone.CASTLE_DONINGTON: ("Castle Donington", "Kegworth"),
    HomeCareZone.LUTTERWORTH: ("Lutterworth", "Broughton Astley"),
    HomeCareZone.BOTTESFORD: ("Bottesford", "Muston"),
    HomeCareZone.WEST_LEICESTERSHIRE_RURAL: ("Market Bosworth", "Ibstock"),
    HomeCareZone.HARBOROUGH_RURAL: ("Great Glen", "Fleckney"),
}
_INWARD_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"


def full_name(random: Random) -> str:
    """Return a given and a family name."""
    family = random.choice(_FAMILY_STARTS) + random.choice(_FAMILY_ENDS)
    return f"{random.choice(_GIVEN)} {family}"


def address(random: Random, zone: HomeCareZone) -> tuple[tuple[str, ...], str]:
    """Return address lines in a place of the zone, on a street that is not there, and a postcode that nobody has."""
    lines = (f"{random.randint(1, 148)} {random.choice(_STREETS)}", random.choice(_PLACES[zone]))
    inward = f"{random.randint(0, 9)}{random.choice(_INWARD_LETTERS)}{random.choice(_INWARD_LETTERS)}"
    return lines, f"LX{random.randint(1, 19)} {inward}"


def nhs_numbers(random: Random) -> Iterator[str]:
    """Yield distinct NHS numbers out of the 999 range, ten digits without spaces."""
    number = random.randrange(1_000_000)
    while True:
        digits = f"999{number:06d}"
        check = 11 - sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits, strict=True)) % 11
        if check != 10:
            yield digits + str(check % 11)
        number = (number + 104_729) % 1_000_000  # A step prime to the range meets every number once.
