/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Signatures of AWS and Google against what they have published.
 */

#include "rsa.h"
#include "sign.h"

#define AWS_KEY                                                               \
    "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"                              \
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"


/* Of the account whose key is in rsa.h. */

#define GCS_EMAIL                                                             \
    "email=test-iam-credentials@dummy-project-id.iam.gserviceaccount.com"


/* "Authenticating Requests: Using Query Parameters", the example. */

static void
test_s3(void **state)
{
    reg_signer_t  *s;

    static const char *const  options[] = { "region=us-east-1", NULL };

    (void) state;

    s = signer("s3", AWS_KEY, options);

    assert_string_equal(
        sign(s, "https://examplebucket.s3.amazonaws.com/test.txt", 1369353600,
             1369353600 + 86400),
        "https://examplebucket.s3.amazonaws.com/test.txt"
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
        "%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");

    reg_signer_free(s);
}


/* GoogleCloudPlatform/python-docs-samples, cdn/snippets_test.py. */

static void
test_google_cdn(void **state)
{
    size_t         i;
    reg_signer_t  *s;

    static const char *const  options[] = { "key_name=my-key", NULL };

    static const struct {
        const char  *url;
        const char  *end;
    } cases[] = {
        { "http://35.186.234.33/index.html",
          "?Expires=1549751401&KeyName=my-key"
          "&Signature=CRFqQnVfFyiUyR63OQf-HRUpIwc=" },
        { "http://www.example.com/",
          "?Expires=1549751401&KeyName=my-key"
          "&Signature=OqDUFfHpN5Vxga6r80bhsgxKves=" },
        { "http://www.example.com/some/path?some=query&another=param",
          "&Expires=1549751401&KeyName=my-key"
          "&Signature=9Q9TCxSju8-W5nUkk5CuTrun2_o=" }
    };

    (void) state;

    s = signer("google_cdn", "nZtRohdNF9m3cKM24IcK4w==\n", options);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char  *url;

        url = sign(s, cases[i].url, 1549751400, 1549751401);

        assert_memory_equal(url, cases[i].url, strlen(cases[i].url));
        assert_string_equal(url + strlen(cases[i].url), cases[i].end);
    }

    reg_signer_free(s);
}


/*
 * googleapis/conformance-tests, storage/v1/v4_signatures.json: those of GET
 * that sign no header but Host.
 */

static void
test_gcs(void **state)
{
    size_t         i;
    const char    *url;
    reg_signer_t  *s;

    static const char *const  options[] = { GCS_EMAIL, NULL };

    static const struct {
        const char  *url;
        int64_t      issued;
        int64_t      lifetime;
        const char  *begin;
        const char  *signature;
    } cases[] = {
        /* Simple GET */
        {
            "https://storage.googleapis.com/test-bucket/test-object",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket/test-object?X-Goo"
            "g-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cred"
            "entials%40dummy-project-id.iam.gserviceaccount.com%2F2019020"
            "1%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T0900"
            "00Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "95e6a13d43a1d1962e667f17397f2b80ac9bdd1669210d5e08e0135df9df"
            "f4e56113485dbe429ca2266487b9d1796ebdee2d7cf682a6ef3bb9fbb4c3"
            "51686fba90d7b621cf1c4eb1fdf126460dd25fa0837dfdde0a9fd98662ce"
            "60844c458448fb2b352c203d9969cb74efa4bdb742287744a4f2308afa4a"
            "f0e0773f55e32e92973619249214b97283b2daa14195244444e33f938138"
            "d1e5f561088ce8011f4986dda33a556412594db7c12fc40e1ff3f1bedeb7"
            "a42f5bcda0b9567f17f65855f65071fabb88ea12371877f3f77f10e1466f"
            "ff6ff6973b74a933322ff0949ce357e20abe96c3dd5cfab42c9c83e740a4"
            "d32b9e11e146f0eb3404d2e975896f74"
        },

        /* Vary expiration and timestamp */
        {
            "https://storage.googleapis.com/test-bucket/test-object",
            1551430800, 20,
            "https://storage.googleapis.com/test-bucket/test-object?X-Goo"
            "g-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cred"
            "entials%40dummy-project-id.iam.gserviceaccount.com%2F2019030"
            "1%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190301T0900"
            "00Z&X-Goog-Expires=20&X-Goog-SignedHeaders=host&",
            "9669ed5b10664dc594c758296580662912cf4bcc5a4ba0b6bf055bcbf6f3"
            "4eed7bdad664f534962174a924741a0c273a4f67bc1847cef20192a6beab"
            "44223bd9d4fbbd749c407b79997598c30f82ddc269ff47ec09fa3afe74e0"
            "0616d438df0d96a7d8ad0adacfad1dc3286f864d924fe919fb0dce45d3d9"
            "75c5afe8e13af2db9cc37ba77835f92f7669b61e94c6d562196c1274529e"
            "76cfff1564cc2cad7d5387dc8e12f7a5dfd925685fe92c30b43709eee29f"
            "a2f66067472cee5423d1a3a4182fe8cea75c9329d181dc6acad7c393cd04"
            "f8bf5bc0515127d8ebd65d80c08e19ad03316053ea60033fd1b1fd85a69c"
            "576415da3bf0a3718d9ea6d03e0d66f0"
        },

        /* Vary bucket and object */
        {
            "https://storage.googleapis.com/test-bucket2/test-object2",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket2/test-object2?X-G"
            "oog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cr"
            "edentials%40dummy-project-id.iam.gserviceaccount.com%2F20190"
            "201%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T09"
            "0000Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "36e3d58dfd3ec1d2dd2f24b5ee372a71e811ffaa2162a2b871d26728d035"
            "4270bc116face87127532969c4a3967ed05b7309af741e19c7202f3167aa"
            "8c2ac420b61417d6451442bb91d7c822cd17be8783f01e05372769c88913"
            "561d27e6660dd8259f0081a71f831be6c50283626cbf04494ac10c394b29"
            "bb3bce74ab91548f58a37118a452693cf0483d77561fc9cac8f1765d2c72"
            "4994cca46a83517a10157ee0347a233a2aaeae6e6ab5e204ff8fc5f54f90"
            "a3efdb8301d9fff5475d58cd05b181affd657f48203f4fb133c3a3d355b8"
            "eefbd10d5a0a5fd70d06e9515460ad74e22334b2cba4b29cae4f6f285cdb"
            "92d8f3126d7a1479ca3bdb69c207d860"
        },

        /* Forward Slashes should not be stripped */
        {
            "https://storage.googleapis.com/test-bucket//path/with/slashe"
            "s/under_score/amper%26sand/file.ext",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket//path/with/slashe"
            "s/under_score/amper%26sand/file.ext?X-Goog-Algorithm=GOOG4-R"
            "SA-SHA256&X-Goog-Credential=test-iam-credentials%40dummy-pro"
            "ject-id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%"
            "2Fgoog4_request&X-Goog-Date=20190201T090000Z&X-Goog-Expires="
            "10&X-Goog-SignedHeaders=host&",
            "2db8b70e3f85b39be7824f6d02be31af2e6a2eb63f6bb41254851f7ef51b"
            "dad8963a9d2b254f8379c1780c8e6898be002d4100a0abd3d45f1437687f"
            "ed65d15dd237c3a6f3c399c64ffd4e4cea7ef1c2f0391d35ecbeeaf3e314"
            "8d23c6f24c839cfcd92c1496332f5bfbbf1ed1e957eb45fad57df24828c9"
            "6cf243eec23fba014d277c22a572708beb355888c5a8c0047cb3015d7f62"
            "cc90285676e7e34626fd0ce9ba5e0da39fc3de0035cc3ad120c46cb73db8"
            "7246ae123f7a342c235e9480bd7d7e00c13b1e1bb7be5e2bce74d59a5350"
            "5172463b48aefeedb48281d90874aa4177c881d3596ed1067f02eaac13d8"
            "10a7aed234c41978b1394d0ce3662f76"
        },

        /* List Objects */
        {
            "https://storage.googleapis.com/test-bucket",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket?X-Goog-Algorithm="
            "GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credentials%40du"
            "mmy-project-id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fs"
            "torage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&X-Goog-E"
            "xpires=10&X-Goog-SignedHeaders=host&",
            "6dbe94f8e52b2b8a9a476b1c857efa474e09944e2b52b925800316e094a7"
            "169d8dbe0df9c0ac08dabb22ac7e827470ceccd65f5a3eadba2a4fb9beeb"
            "fe37f0d9bb1e552b851fa31a25045bdf019e507f5feb44f061551ef1aeb1"
            "8dcec0e38ba2e2f77d560a46eaace9c56ed9aa642281301a9d848b0eb307"
            "49e34bc7f73a3d596240533466ff9b5f289cd0d4c845c7d96b82a35a5abd"
            "0c3aff83e4440ee6873e796087f43545544dc8c01afe1d79c726696b6f55"
            "5371e491980e7ec145cca0803cf562c38f3fa1d724242f5dea25aac91d74"
            "ec9ddd739ff65523627763eaef25cd1f95ad985aaf0079b7c74eb5bcb287"
            "0a9b137a7b2c8e41fbe838c95872f75b"
        },

        /* Query Parameter Encoding */
        {
            "https://storage.googleapis.com/test-bucket/test-object?aA0%C"
            "3%A9%2F%3D%25-_.~=~%20._-%25%3D/%C3%A90Aa",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket/test-object?X-Goo"
            "g-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cred"
            "entials%40dummy-project-id.iam.gserviceaccount.com%2F2019020"
            "1%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T0900"
            "00Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&aA0%C3%A9%2F"
            "%3D%25-_.~=~%20._-%25%3D%2F%C3%A90Aa&",
            "0e4f289c28626a32af95d78f5a0d2c75e5f0bef1cfe5035a532a8185e3ad"
            "45b1d5e8ad5ae0fb1898420e40a1576479861c6579db7e3b28ef83861609"
            "95ac1374be85e780ac3dfcc62538e9b2e2c51555950fb6fd0d7ecc509d3c"
            "cd9c02af5a6c6eb930d21a7383792300eb50a093a597c1da2a290ed56b01"
            "844251f8271d0d5e61fc3f4273a0c26f80e061c06124d93346ea1c50388e"
            "3fe73494c05ac27a54caedc04d1476c276c7602554e4cc1933e41df31ea5"
            "23f4009e879c92333f98b4313755470d7e400bbbde9f5bef36f40b2a1c4a"
            "85edbd62aaa84a516e3df055d5d3f575b9ea0f1c24f057240852d9e61840"
            "3e1dd2cd0fa7fc16b071b07322172256"
        },

        /* Query Parameter Ordering */
        {
            "https://storage.googleapis.com/test-bucket/test-object?prefi"
            "x=/foo&X-Goog-Meta-Foo=bar",
            1549011600, 10,
            "https://storage.googleapis.com/test-bucket/test-object?X-Goo"
            "g-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cred"
            "entials%40dummy-project-id.iam.gserviceaccount.com%2F2019020"
            "1%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T0900"
            "00Z&X-Goog-Expires=10&X-Goog-Meta-Foo=bar&X-Goog-SignedHeade"
            "rs=host&prefix=%2Ffoo&",
            "a07745e1b3d59b85cbe11aa766df72c22468959e7217615dccb7f030234f"
            "66b60b37e480f30725ed51f29816362ca8286c619ebb66448ff1d370be2a"
            "4a48aacf20d3d2d6200ed17341a5791baf2ee5cd9c2823adacc6264f66c8"
            "a54fa887e1bce3c55cf78fb2f6a52618cf09d6f945f63d148052a7b66a75"
            "e075ff5065828a806b84bdc49a42399be7483225c720d5e18a6160f79d81"
            "5f433e7921694fe1d041099851793c2581db0e5ca503cfb566e414f900ce"
            "ede5f9b22030edd32ab20b6f7f9fb2afba89098b9364e03397c03a94eac3"
            "a140c99979b8786844fb4f6c62c1985378939dd1bbaea8e41b9100dda85a"
            "27733171cc78d96ee362ea2c3432f4d8"
        },

        /* Virtual Hosted Style */
        {
            "https://test-bucket.storage.googleapis.com/test-object",
            1549011600, 10,
            "https://test-bucket.storage.googleapis.com/test-object?X-Goo"
            "g-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-cred"
            "entials%40dummy-project-id.iam.gserviceaccount.com%2F2019020"
            "1%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T0900"
            "00Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "06c633ea060b0eda81ee58dd3337b01b0d243a44f18cb03ec948861f533a"
            "129e579c7fd4c856d187f1c7b86e5715ea0abf6a1c6ba32b69274d22b1b0"
            "406df6847dc87f0d289fe8dc0682351574849b8b13e4b66922f39441af96"
            "becb73ea4c56cd5e3eeb30bc91fe84e8bd205adca8639253bdb65b2fcaf2"
            "598a230c6d8f6d8177c9e58a61b6e826767f594056b490184d676897c4bb"
            "edc15d6fbf08c3fa82a406c62e74db661e6c5d7d3ced29e0619ee719dce4"
            "b8136360345b8dce120b9f1debd511c8dac3e6d874ee05bfda8c8f1c4fed"
            "d0c07fc6d98f5f18a349bb204d8ff401402a025194e2792df8a092821411"
            "57e4ca51d26a8d0d142a01c805321911"
        },

        /* HTTP Bucket Bound Hostname Support */
        {
            "http://mydomain.tld/test-object",
            1549011600, 10,
            "http://mydomain.tld/test-object?X-Goog-Algorithm=GOOG4-RSA-S"
            "HA256&X-Goog-Credential=test-iam-credentials%40dummy-project"
            "-id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%2Fgo"
            "og4_request&X-Goog-Date=20190201T090000Z&X-Goog-Expires=10&X"
            "-Goog-SignedHeaders=host&",
            "7115a77f8c7ed1a8b74bca8b520904fca7f3bab90d69ea052687a94efd9b"
            "3a4e2a7fb7135d40e295e0a21958194c55da7e106227957c22ed6edc9d8b"
            "3d2a8133bc8af84fc9695dda8081d53f0db5ea9f28e5bfc225d78f873e9f"
            "571fd287bb7a95330e726aebd8eb4623cdb0b1a7ceb210b2ce1351b6be01"
            "91c2ad7b38f7ceb6c5ce2f98dbfb5a5a649050585e46e97f72f1f5407de6"
            "57a56e34a3fdc80cdaa0598bd47f3e8af5ff22d0916b19b106890bff8c3f"
            "6587f1d3b076b16cd0ba0508607a672be33b9c75d537e15258450b43d22a"
            "21c4d528090acbb8e5bae7b31fc394e61394106ef1d6a8ed43074ab05bce"
            "c65674cd8113fb3de388da4d97e62f56"
        },

        /* HTTPS Bucket Bound Hostname Support */
        {
            "https://mydomain.tld/test-object",
            1549011600, 10,
            "https://mydomain.tld/test-object?X-Goog-Algorithm=GOOG4-RSA-"
            "SHA256&X-Goog-Credential=test-iam-credentials%40dummy-projec"
            "t-id.iam.gserviceaccount.com%2F20190201%2Fauto%2Fstorage%2Fg"
            "oog4_request&X-Goog-Date=20190201T090000Z&X-Goog-Expires=10&"
            "X-Goog-SignedHeaders=host&",
            "7115a77f8c7ed1a8b74bca8b520904fca7f3bab90d69ea052687a94efd9b"
            "3a4e2a7fb7135d40e295e0a21958194c55da7e106227957c22ed6edc9d8b"
            "3d2a8133bc8af84fc9695dda8081d53f0db5ea9f28e5bfc225d78f873e9f"
            "571fd287bb7a95330e726aebd8eb4623cdb0b1a7ceb210b2ce1351b6be01"
            "91c2ad7b38f7ceb6c5ce2f98dbfb5a5a649050585e46e97f72f1f5407de6"
            "57a56e34a3fdc80cdaa0598bd47f3e8af5ff22d0916b19b106890bff8c3f"
            "6587f1d3b076b16cd0ba0508607a672be33b9c75d537e15258450b43d22a"
            "21c4d528090acbb8e5bae7b31fc394e61394106ef1d6a8ed43074ab05bce"
            "c65674cd8113fb3de388da4d97e62f56"
        },

        /* Simple GET with non-default hostname */
        {
            "http://localhost:8080/test-bucket/test-object",
            1549011600, 10,
            "http://localhost:8080/test-bucket/test-object?X-Goog-Algorit"
            "hm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credentials%4"
            "0dummy-project-id.iam.gserviceaccount.com%2F20190201%2Fauto%"
            "2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&X-Goo"
            "g-Expires=10&X-Goog-SignedHeaders=host&",
            "66c8c0371ca7d933a0d50f110abdf4fc7e3e379329134f272ebe4aa8100c"
            "cd5f21cd56ca5ccffae5ed36c8d6840e7cac80c2e7d786cd85b10d0faea3"
            "4cddf09d2e7eb7f5c7c53934e4bf8f5cd654bc3c1b5ee9e3f8ca2189cd22"
            "5b445bb866563fc4bd0d0b4d116111655611d12ec18f2d854fd7142d9afc"
            "c977dbd8f6d0524e4170506abf2b119bbe00d17697321d225162fabddb4d"
            "dae77781b4f3277a6b6fccfeb47d70b88537e5efb416001274aaeb1535b5"
            "aae757c997edc66d03898a5d08f767313d018d10992981d00e2a18ed9a68"
            "39b8a1ac7b3be1cab2e9511ba91e14a786443b59e9f21e1ae74a2c601061"
            "80646a764531fbe1fcd9c1e40550e56e"
        },

        /* Simple GET with endpoint on client */
        {
            "https://storage.googleapis.com:443/test-bucket/test-object",
            1549011600, 10,
            "https://storage.googleapis.com:443/test-bucket/test-object?X"
            "-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-"
            "credentials%40dummy-project-id.iam.gserviceaccount.com%2F201"
            "90201%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T"
            "090000Z&X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "95e6a13d43a1d1962e667f17397f2b80ac9bdd1669210d5e08e0135df9df"
            "f4e56113485dbe429ca2266487b9d1796ebdee2d7cf682a6ef3bb9fbb4c3"
            "51686fba90d7b621cf1c4eb1fdf126460dd25fa0837dfdde0a9fd98662ce"
            "60844c458448fb2b352c203d9969cb74efa4bdb742287744a4f2308afa4a"
            "f0e0773f55e32e92973619249214b97283b2daa14195244444e33f938138"
            "d1e5f561088ce8011f4986dda33a556412594db7c12fc40e1ff3f1bedeb7"
            "a42f5bcda0b9567f17f65855f65071fabb88ea12371877f3f77f10e1466f"
            "ff6ff6973b74a933322ff0949ce357e20abe96c3dd5cfab42c9c83e740a4"
            "d32b9e11e146f0eb3404d2e975896f74"
        },

        /* Emulator host */
        {
            "https://xyz.googleapis.com/test-bucket/test-object",
            1549011600, 10,
            "https://xyz.googleapis.com/test-bucket/test-object?X-Goog-Al"
            "gorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credenti"
            "als%40dummy-project-id.iam.gserviceaccount.com%2F20190201%2F"
            "auto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&"
            "X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "53b20003ff2c552b3194a6bccc25024663662392554b3334e989e2704f3a"
            "0308455eaacf45c335a78c0186a5cf8eef78bf5781a7267465d28a35c9e1"
            "291f87ff340e9ee40b3b9bdce70561bf000887ce38ccd7d2445a87494539"
            "60a8f11d37576dfd5942f92d6f4527bbeffb90526b5de9653b6ca16136e9"
            "f19bcb65d984ddaf22c4ade45d6a168bb4752a43de33ab121206f50d9946"
            "12824407711bff720cb1b207b61b613c44c85d3ce16dc4fc6eba24e494e1"
            "76b0780d0ab85a800b13fcbf31434ddf51992efae1efde330ebda0617d1c"
            "20078ef22a4f10a7bcbed961237442d9a8db78d7aeb777a4994b50efdd41"
            "e07c4966e912a30f92a7426f207e9545"
        },

        /* Universe domain */
        {
            "https://storage.domain.com/test-bucket/test-object",
            1549011600, 10,
            "https://storage.domain.com/test-bucket/test-object?X-Goog-Al"
            "gorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credenti"
            "als%40dummy-project-id.iam.gserviceaccount.com%2F20190201%2F"
            "auto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&"
            "X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "8cd0d479a88fb7d791a2dcc8fc5b5f020ca817eeef5b5a5cb3260eb63cf4"
            "7ecd271faa238d0fa31efca35bc2a9244bd122178c520749f922c0235726"
            "a5a6be099bf4f33a0d54187eee2e0208964c2a13104b03e235cdeb4f07b3"
            "eb566b8a33259cf7540a3fe823be601ace2a54a79acd6834cb646380c4cf"
            "c7ef0fd95d3ebbc1f97d840f6fe1dceed4269ecb4e91ff7e6633f38adab8"
            "2049a965968367b9e7c362cec868d804bd42abbb6d2e837ce5d45ee9e1d9"
            "2c7acc09623acaae3df6128ca15f9f80bb6543944e8c997f691c35113b9e"
            "9f44e86fd343524343b08dd8f887685588acc103e0b432f24912e7e1c63e"
            "086aeed1890e41b75beb64164fe6bfcf"
        },

        /* Universe domain with virtual hosted style */
        {
            "https://test-bucket.storage.domain.com/test-object",
            1549011600, 10,
            "https://test-bucket.storage.domain.com/test-object?X-Goog-Al"
            "gorithm=GOOG4-RSA-SHA256&X-Goog-Credential=test-iam-credenti"
            "als%40dummy-project-id.iam.gserviceaccount.com%2F20190201%2F"
            "auto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z&"
            "X-Goog-Expires=10&X-Goog-SignedHeaders=host&",
            "25820e3a60856596cba594511d7d4039239b2728a9738f15d3a7acce8d70"
            "aa5435d0c91f99a9318f932afc73355ac562e014cb654e16ed5524b40353"
            "6f1cba74489701fdc0c088b8826fccf20a648d3b2b704bd6661e01786d41"
            "32174c21441d0752be07e8af93e84e24b87799ee91fabef24a0a58d08892"
            "63280c3d37423fab677bd4d98469ab01aa36efaad62ff81ca27bf7fc92f1"
            "4e20faa71e34de9ffbc5eb4ecf1b0361de42270665bb78367bd0a8cc6a60"
            "4a8e347f0c864754bf14514aac3106fe73572a6c068ce2c380cc2a943b35"
            "502093d162ba9ae8de9abbbc9541ef765d5679857a89d36cc01be30cf1e0"
            "4c4a477bbcd59a02955dcc1a903d8baa"
        }
    };

    (void) state;

    s = signer("gcs", rsa_pem, options);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        url = sign(s, cases[i].url, cases[i].issued,
                   cases[i].issued + cases[i].lifetime);

        assert_memory_equal(url, cases[i].begin, strlen(cases[i].begin));
        url += strlen(cases[i].begin);

        assert_memory_equal(url, "X-Goog-Signature=", 17);
        assert_string_equal(url + 17, cases[i].signature);
    }

    reg_signer_free(s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s3),
        cmocka_unit_test(test_google_cdn),
        cmocka_unit_test(test_gcs)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
