"""The frequent words of Flickr8k's training captions, sorted by hand into things that can be asked about.

A line is: name = other words < what it is as well ~ what might be it, or what it may stand beside without being told.
"""

from __future__ import annotations

from typing import Literal

Group = Literal["people", "animal", "thing", "clothes", "place"]

LEXICON: dict[Group, str] = {
    "people": """
        man = guy gentleman male fellow dude groom father businessman cowboy < person ~ boy
        woman = lady female bride mother gal < person ~ girl
        boy < child person ~ man
        girl < child person ~ woman
        child = kid toddler baby infant youngster < person
        person = adult teenager teen player rider biker cyclist bicyclist skateboarder snowboarder skier
            surfer climber hiker runner wrestler dancer skater driver racer swimmer jogger photographer
            referee goalie worker motorcyclist kayaker rollerblader teammate friend owner musician performer
            singer student clown soldier fan athlete wakeboarder gymnast guitarist drummer cheerleader crowd
            audience spectator onlooker family officer passenger pedestrian brother sister someone somebody ~
            group couple team other band face hand arm
    """,
    "animal": """
        dog = puppy pup hound greyhound retriever terrier collie lab labrador poodle doberman pitbull bulldog
            rottweiler dalmatian
            canine dachshund < animal ~ shepherd muzzle leash
        horse = pony < animal ~ jockey rodeo polo
        cat = kitten < animal
        bird = gull seagull duck goose pigeon swan eagle parrot < animal
        sheep = lamb goat < animal
        cow = bull calf cattle < animal
        animal = creature
    """,
    "thing": """
        ball = basketball football volleyball ~ soccer baseball tennis rugby game sport player toy lacrosse
        stick = branch twig log ~ pole object
        toy = doll ~ object ball frisbee
        frisbee = disc disk ~ toy object
        bike = bicycle bmx ~ motorcycle biker cyclist bicyclist biking motocross
        motorcycle = motorbike ~ bike biker motocross motorcyclist
        skateboard ~ skateboarder skateboarding skater board skate
        snowboard ~ snowboarder snowboarding board
        ski ~ skier skiing
        surfboard ~ surfer surfing board surf
        car = truck van jeep suv taxi ~ vehicle traffic street road city race parking
        bus ~ vehicle
        train ~ subway
        boat = canoe kayak raft ship sailboat ~ kayaker rowing paddle sail
        sled ~ sledding
        bench ~ seat park
        chair ~ seat seated sitting table
        table = desk counter ~ eating meal restaurant kitchen
        couch = sofa ~ seat furniture room
        bed ~ room sleeping
        fence ~ railing gate rail barrier
        building = house store shop church skyscraper ~ city street town downtown urban
        window ~ building store house
        door = doorway ~ building house
        bridge
        stair = step staircase stairway ~ ledge
        tree ~ forest wood woods wooded park branch jungle leaf log
        rock = boulder stone ~ cliff mountain rocky
        flower ~ garden plant
        sign = billboard ~ street store
        flag
        umbrella
        guitar ~ instrument band music
        microphone ~ singing sing band
        phone = cellphone ~ call
        book = magazine ~ reading read
        newspaper = paper
        bag = purse ~ luggage backpack shopping
        bottle ~ drink beer
        cup = mug ~ drink glass coffee beer
        drink = beer coffee soda ~ cup glass bottle drinking
        food = meal sandwich pizza cake snack fruit ~ eating eat restaurant dinner kitchen
        cigarette ~ smoking smoke
        rope ~ climber climbing harness cord string
        leash
        racket = racquet ~ tennis
        bat ~ baseball
        swing
        slide
        trampoline
        sprinkler ~ hose
        fountain
        puddle ~ mud
        hoop ~ hula ring
        balloon
        bubble
        kite
        statue = sculpture
        tent
        cart = stroller wagon
        blanket ~ towel
        hose ~ sprinkler
        bucket
        computer = laptop
        net ~ goal
        ramp ~ skateboard skateboarder skateboarding
        railing = rail handrail ~ fence
        hurdle ~ obstacle
        fish ~ fishing
        bone
    """,
    "clothes": """
        hat = cap beanie sombrero ~ helmet headscarf hood bandanna turban headband uniform cowboy costume hooded
        helmet ~ hat gear cyclist biker bicyclist motorcyclist motocross football hockey uniform harness
        shirt = t-shirt tshirt jersey blouse ~ top sweatshirt uniform
        jacket = coat hoodie parka windbreaker ~ sweater sweatshirt vest suit winter
        sweater = sweatshirt ~ jacket hoodie shirt
        dress = gown ~ skirt costume bride
        skirt ~ dress
        shorts ~ trunks swimsuit pants
        pants = jeans trousers jean ~ shorts suit uniform
        glasses = sunglasses eyeglasses goggles ~ shades
        swimsuit = bikini trunks wetsuit ~ bathing suit shorts pool beach
        uniform ~ gear jersey soldier player football baseball hockey soccer police
        scarf ~ headscarf bandanna
        backpack ~ bag gear hiker
        tie ~ suit
        suit = tuxedo ~ tie jacket swimsuit
        vest ~ jacket
        gloves = glove ~ gear winter
        shoes = shoe boot sandal sneaker ~ skate flops heels
        costume ~ dressed outfit clown
        mask ~ costume
        collar ~ leash
        skates = rollerblades rollerblade ~ skater skating rollerblading rollerblader hockey
    """,
    "place": """
        grass = field lawn yard meadow pasture grassy backyard ~ park garden hill playground outside
        snow = snowy snow-covered snowbank ~ ski skier snowboard snowboarder snowboarding sled ice skiing winter
        ice = rink icy ~ snow hockey skating
        water = waters ~ beach shore surf boat surfer swim swimming splash splashing wave fountain sprinkler
            wet dock wakeboard
        ocean = sea < water ~ beach wave surf surfer surfing shore
        lake < water ~ pond river
        river = stream creek rapids < water ~ lake
        pool < water ~ swimming swim
        pond < water ~ lake
        wave < water ~ surf surfing surfer ocean
        beach = sand shore sandy shoreline dune ~ ocean sea desert
        street = road sidewalk pavement crosswalk alley ~ city traffic parade car bus concrete downtown urban curb
        city = downtown urban town ~ street building
        mountain = hill cliff hillside mountainside mountaintop slope peak ~ rock rocky canyon climbing climber
            ski skier
        forest = woods wood wooded jungle ~ tree trail
        park = playground ~ bench swing slide garden
        dirt = mud muddy gravel ~ track trail path ground field motocross
        track = racetrack course ~ race racing racer
        path = trail ~ dirt road
        room = kitchen bedroom ~ inside indoor indoors bed couch floor carpet table restaurant gym
        stage ~ band singing performer concert
        court = gym ~ basketball tennis
        stadium = arena
        market ~ store shop
        restaurant = bar cafe ~ table
    """,
}
