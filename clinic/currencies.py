"""Currencies by their ISO 4217 codes, and amounts as people write them. Nothing here moves money."""

from decimal import Decimal

# Those of countries, as ISO 4217 lists them; funds, metals and test codes are left out.
_OF_COUNTRIES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY "
    "COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR "
    "MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF "
    "XPF YER ZAR ZMW"
)
CODES = _OF_COUNTRIES.split()
# Digits after the point; two where nothing is said.
DIGITS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)  # noqa: SIM905
DIGITS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)  # noqa: SIM905
MOST_DIGITS = 3
CHOICES = [("", "Not chosen yet"), *((code, code) for code in CODES)]


def digits(currency: str) -> int:
    return DIGITS.get(currency, 2)


def written(amount: Decimal, currency: str) -> str:
    """ "1,200.00 GBP"; "−1,200 JPY", with the sign that is as wide as a digit."""
    return f"{amount:,.{digits(currency)}f} {currency}".replace("-", "−")


def typed(amount: Decimal, currency: str) -> str:
    """As it stands in a field: "1200.00"."""
    return f"{amount:.{digits(currency)}f}"
